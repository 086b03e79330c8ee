//! `millrace` with AWS as its users have it: whose keys reach S3, by which way, and what is said where none do.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use anyhow::Result;
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_tests::program::{Ended, millrace};

/// The profiles of the tests, in the folder that is the user's home.
const CONFIG: &str = "\
[sso-session work]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_registration_scopes = sso:account:access

[profile analyst]
sso_session = work
sso_account_id = 111122223333
sso_role_name = LakeReader
region = eu-central-1

[profile vaulted]
credential_process = ./give-keys.sh
region = eu-central-1

[profile locked]
credential_process = echo the vault is locked >&2; exit 4
region = eu-central-1

[profile promoted]
role_arn = arn:aws:iam::111122223333:role/Lake
source_profile = vaulted
role_session_name = nightly
external_id = four-two
region = eu-central-1

[profile plain]
aws_access_key_id = AKIDPLAIN
aws_secret_access_key = hush
region = eu-central-1

[profile bare]
region = eu-central-1
";

const KEYS: &str = r#"#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "notasecret"}'
"#;

/// A home with the profiles above, and an S3 that knows nobody's keys.
struct Desk {
    home: tempfile::TempDir,
    s3: ScriptedServer,
}

impl Desk {
    async fn new() -> Self {
        let refusal = "<Error><Code>InvalidAccessKeyId</Code><Message>no such keys</Message></Error>";
        Self::with(ScriptedServer::start([Scripted::status(403, refusal)]).await)
    }

    fn with(s3: ScriptedServer) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        std::fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
        let script = home.path().join("give-keys.sh");
        std::fs::write(&script, KEYS).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self { home, s3 }
    }

    /// `millrace tables` of a lake on S3, in an environment of these variables alone.
    async fn tables(&self, environment: &[(&str, &str)]) -> Result<Ended> {
        let mut command = millrace(&["tables", "--lake", "s3://some-lake/dev"])?;
        command.env_clear().current_dir(self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.env("AWS_ENDPOINT_URL_S3", &self.s3.url).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(environment.iter().copied());
        tokio::task::spawn_blocking(move || Ended::of(command)).await?
    }

    /// Whose keys the requests of S3 were signed with.
    fn signed_by(&self) -> Option<String> {
        let asked = self.s3.asked();
        let signed = asked.first()?.header("authorization")?.split_once("Credential=")?.1;
        Some(signed.split('/').next()?.to_owned())
    }

    fn path(&self) -> &Path {
        self.home.path()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_a_profile_names_gives_the_keys() -> Result<()> {
    let desk = Desk::new().await;
    let said = desk.tables(&[("AWS_PROFILE", "vaulted")]).await?;
    assert_eq!(desk.signed_by().as_deref(), Some("AKIDEXAMPLE"), "{said:?}");
    let said = said.refusal(1, &["vaulted", "credential_process"])?;
    assert!(!said.contains("AWS_ACCESS_KEY_ID") && !said.contains("AWS_PROFILE"), "{said}");

    let desk = Desk::new().await;
    let said = desk.tables(&[("AWS_PROFILE", "locked")]).await?;
    said.refusal(1, &["locked", "credential_process", "the vault is locked"])?;
    assert!(desk.s3.asked().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_taken_with_the_programs_keys() -> Result<()> {
    let sts = ScriptedServer::start([Scripted::ok(taken("AssumeRole"))]).await;
    let desk = Desk::new().await;
    let said = desk.tables(&[("AWS_PROFILE", "promoted"), ("AWS_ENDPOINT_URL_STS", &sts.url)]).await?;
    assert_eq!(desk.signed_by().as_deref(), Some("AKIDROLE"), "{said:?}");
    let asked = sts.asked().remove(0);
    assert!(asked.header("authorization").unwrap().contains("Credential=AKIDEXAMPLE/"));
    for part in ["RoleSessionName=nightly", "ExternalId=four-two", "role%2FLake"] {
        assert!(asked.body.contains(part), "{}", asked.body);
    }
    Ok(())
}

/// What STS answers to who takes a role.
fn taken(action: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
         <AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>hush</SecretAccessKey><SessionToken>session</SessionToken>\
         <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId>\
         <Arn>arn:aws:sts::111122223333:assumed-role/Lake/b</Arn></AssumedRoleUser></{action}Result></{action}Response>"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_sign_on_gives_keys_after_a_login_and_asks_for_one_before() -> Result<()> {
    let role = r#"{"roleCredentials":{"accessKeyId":"AKIDSSO","secretAccessKey":"hush","sessionToken":"s","expiration":4102444800000}}"#;
    let portal = ScriptedServer::start([Scripted::ok(role)]).await;
    let environment = [("AWS_PROFILE", "analyst"), ("AWS_ENDPOINT_URL_SSO", portal.url.as_str())];
    let desk = Desk::new().await;
    let said = desk.tables(&environment).await?;
    let said = said.refusal(1, &["SSO", "aws sso login --profile analyst"])?;
    assert!(!said.contains("AWS_PROFILE") && !said.contains("AWS_ACCESS_KEY_ID"), "{said}");

    // Where `aws sso login` puts the session's token: the SHA-1 of its name.
    let cached = desk.path().join(".aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json");
    let token = |until: &str| {
        format!(
            r#"{{"accessToken":"the-token","expiresAt":"{until}","region":"eu-central-1","startUrl":"x"}}"#
        )
    };
    std::fs::write(&cached, token("2020-01-01T00:00:00Z"))?;
    desk.tables(&environment).await?.refusal(1, &["expired", "aws sso login --profile analyst"])?;
    assert!(desk.s3.asked().is_empty() && portal.asked().is_empty());

    std::fs::write(&cached, token("2100-01-01T00:00:00Z"))?;
    let said = desk.tables(&environment).await?;
    assert_eq!(desk.signed_by().as_deref(), Some("AKIDSSO"), "{said:?}");
    let asked = portal.asked().remove(0);
    assert_eq!(asked.header("x-amz-sso_bearer_token"), Some("the-token"));
    assert!(asked.line.contains("role_name=LakeReader") && asked.line.contains("account_id=111122223333"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_identity_takes_its_role() -> Result<()> {
    let sts = ScriptedServer::start([Scripted::ok(taken("AssumeRoleWithWebIdentity"))]).await;
    let desk = Desk::new().await;
    let token = desk.path().join("token");
    std::fs::write(&token, "the-web-token")?;
    let (token, role) = (token.to_str().unwrap(), "arn:aws:iam::111122223333:role/Pod");
    let environment = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token),
        ("AWS_ROLE_ARN", role),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
    ];
    let said = desk.tables(&environment).await?;
    assert_eq!(desk.signed_by().as_deref(), Some("AKIDROLE"), "{said:?}");
    let body = sts.asked().remove(0).body;
    assert!(body.contains("WebIdentityToken=the-web-token") && body.contains("role%2FPod"), "{body}");

    let desk = Desk::new().await;
    let without_role = [environment[0], environment[2], environment[3]];
    let said = desk.tables(&without_role).await?;
    said.refusal(1, &["AWS_ROLE_ARN is missing beside AWS_WEB_IDENTITY_TOKEN_FILE"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_roles_of_a_container_and_of_a_machine_are_asked_for() -> Result<()> {
    let keys = |name: &str| {
        format!(
            r#"{{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"{name}","SecretAccessKey":"hush","Token":"t","Expiration":"2100-01-01T00:00:00Z","LastUpdated":"2020-01-01T00:00:00Z"}}"#
        )
    };
    let container = ScriptedServer::start([Scripted::ok(keys("AKIDTASK"))]).await;
    let desk = Desk::new().await;
    let full = format!("{}/keys", container.url);
    let said =
        desk.tables(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &full), ("AWS_REGION", "eu-central-1")]).await?;
    assert_eq!(desk.signed_by().as_deref(), Some("AKIDTASK"), "{said:?}");

    let token = Scripted::ok("imds-token").header("x-aws-ec2-metadata-token-ttl-seconds", 21_600);
    let machine =
        ScriptedServer::start([token, Scripted::ok("lake-role"), Scripted::ok(keys("AKIDMACHINE"))]).await;
    let desk = Desk::new().await;
    let said = desk
        .tables(&[
            ("AWS_EC2_METADATA_DISABLED", "false"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &machine.url),
            ("AWS_REGION", "eu-central-1"),
        ])
        .await?;
    assert_eq!(desk.signed_by().as_deref(), Some("AKIDMACHINE"), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_names_what_helps_and_nothing_that_is_set() -> Result<()> {
    let region = ("AWS_REGION", "eu-central-1");
    let (id, secret) = (("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "hush"));
    let cases: [(&[(&str, &str)], &[&str], &[&str]); 8] = [
        (
            &[region],
            &["no credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"],
            &[],
        ),
        (
            &[("AWS_PROFILE", "anlyst"), region],
            &["no profile anlyst", "analyst, bare, locked"],
            &["set AWS_PROFILE"],
        ),
        (
            &[("AWS_PROFILE", "bare")],
            &["profile bare names no credentials", "aws configure"],
            &["AWS_PROFILE"],
        ),
        (&[id, region], &["AWS_SECRET_ACCESS_KEY is missing"], &["AWS_ACCESS_KEY_ID"]),
        (&[secret, region], &["AWS_ACCESS_KEY_ID is missing"], &["AWS_SECRET_ACCESS_KEY"]),
        (&[id, secret, region], &["correct them", "AWS_ACCESS_KEY_ID"], &["AWS_PROFILE", "set AWS_ACCESS"]),
        (&[id, secret, ("AWS_PROFILE", "plain")], &["unset them", "profile plain"], &["AWS_PROFILE"]),
        (
            &[("AWS_PROFILE", "plain")],
            &["the keys of profile plain are wrong"],
            &["AWS_PROFILE", "AWS_ACCESS_KEY_ID"],
        ),
    ];
    for (environment, words, never) in cases {
        let desk = Desk::new().await;
        let ended = desk.tables(environment).await?;
        let said = ended.refusal(1, words)?;
        for word in never {
            assert!(!said.contains(word), "{environment:?}: {word:?} is set, or beside the point: {said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_region_is_changed_where_it_is_set() -> Result<()> {
    let elsewhere = Scripted::status(301, "<Error><Code>PermanentRedirect</Code></Error>");
    for (environment, words) in [
        ([("AWS_PROFILE", "plain"), ("AWS_REGION", "us-west-2")], "change AWS_REGION to eu-west-1"),
        (
            [("AWS_PROFILE", "plain"), ("AWS_DEFAULT_REGION", "us-west-2")],
            "change AWS_DEFAULT_REGION to eu-west-1",
        ),
        ([("AWS_PROFILE", "plain"), ("LANG", "C")], "set AWS_REGION to eu-west-1"),
    ] {
        let answer = elsewhere.clone().header("x-amz-bucket-region", "eu-west-1");
        let desk = Desk::with(ScriptedServer::start([answer]).await);
        desk.tables(&environment).await?.refusal(1, &[words])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_the_profiles_own_is_found_by_either_form() -> Result<()> {
    for section in
        ["endpoint_url = URL\n", "services = here\n\n[services here]\ns3 =\n  endpoint_url = URL\n"]
    {
        let desk = Desk::new().await;
        let section = section.replace("URL", &desk.s3.url);
        let config =
            format!("[profile here]\naws_access_key_id = AKIDHERE\naws_secret_access_key = hush\n{section}");
        std::fs::write(desk.path().join(".aws/config"), config)?;
        // No region: a server of one's own needs none. Path style: its name has no bucket in front.
        let mut command = millrace(&["tables", "--lake", "s3://some-lake/dev"])?;
        command.env_clear().env("HOME", desk.path()).env("AWS_PROFILE", "here");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        let ended: Ended = tokio::task::spawn_blocking(move || Ended::of(command)).await??;
        assert_eq!(desk.signed_by().as_deref(), Some("AKIDHERE"), "{section}: {ended:?}");
        assert!(desk.s3.asked()[0].line.contains("/some-lake/dev/_lake.json"), "{:?}", desk.s3.asked());
    }
    Ok(())
}
