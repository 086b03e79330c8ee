//! Keys from a program that a profile names: `credential_process`.
//!
//! The SDK has this too, over tokio's processes: a handler of SIGCHLD for the whole program, and Polars built anew for every
//! build with that feature. A program that runs for a second every hour needs no more than a thread that waits for it.

use std::fmt;
use std::process::{Command, Stdio};

use aws_config::SdkConfig;
use aws_config::profile::{Profile, ProfileSet};
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::Region;
use chrono::DateTime;
use serde::Deserialize;

use crate::aws_hints::Way;
use crate::s3::service_error::Said;

/// Whoever gives keys where the chosen profile has them from a program, by way of roles or at once; `None` where it has not.
pub(crate) async fn provider(config: &SdkConfig, profiles: &ProfileSet) -> Option<SharedCredentialsProvider> {
    let (program, roles) = program_of(profiles)?;
    let mut provider = SharedCredentialsProvider::new(program);
    for role in roles.into_iter().rev() {
        let get = |name| role.get(name).map(str::to_owned);
        let mut wanted = AssumeRoleProvider::builder(get("role_arn")?)
            .session_name(get("role_session_name").unwrap_or_else(|| "millrace".to_owned()))
            .configure(config);
        if let Some(id) = get("external_id") {
            wanted = wanted.external_id(id);
        }
        if let Some(region) = config.region().map(ToString::to_string).or_else(|| get("region")) {
            wanted = wanted.region(Region::new(region));
        }
        provider = SharedCredentialsProvider::new(wanted.build_from_provider(provider).await);
    }
    Some(provider)
}

/// The program at the end of the chosen profile's way to keys, and the profiles whose roles lie on it, the chosen one first.
fn program_of(profiles: &ProfileSet) -> Option<(Program, Vec<&Profile>)> {
    let mut roles: Vec<&Profile> = Vec::new();
    let mut name = profiles.selected_profile();
    loop {
        let profile = profiles.get_profile(name)?;
        match Way::of(profile) {
            Way::Process => return Some((Program(profile.get("credential_process")?.to_owned()), roles)),
            // A way in a circle is the SDK's to tell.
            Way::Role if !roles.iter().any(|role| role.name() == name) => {
                roles.push(profile);
                name = profile.get("source_profile")?;
            }
            _ => return None,
        }
    }
}

/// The program, with its arguments, which may be secrets.
struct Program(String);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program(hidden)")
    }
}

impl ProvideCredentials for Program {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let program = self.0.clone();
        future::ProvideCredentials::new(async {
            let asked = tokio::task::spawn_blocking(move || ask(&program)).await;
            asked.unwrap_or_else(|gone| Err(Said(gone.to_string()))).map_err(CredentialsError::provider_error)
        })
    }
}

/// Runs the program to its end. It may ask its user on the terminal, which stays its standard input.
fn ask(program: &str) -> Result<Credentials, Said> {
    let (shell, option) = if cfg!(windows) { ("cmd.exe", "/C") } else { ("sh", "-c") };
    let ended = Command::new(shell).arg(option).arg(program).stdin(Stdio::inherit()).output();
    let ended = ended.map_err(|error| Said(format!("credential_process could not be run: {error}")))?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let said = said.trim().replace('\n', " ");
        return Err(Said(format!("credential_process ended with {}: {said}", ended.status)));
    }
    // What it printed holds a secret, and stays out of what is said.
    let bad = |why: String| Said(format!("credential_process printed no keys: {why}"));
    let keys: Keys = serde_json::from_slice(&ended.stdout)
        .map_err(|error| bad(format!("line {} is not the JSON of it", error.line())))?;
    if keys.version != 1 {
        return Err(bad(format!("its Version is {}, only 1 is known", keys.version)));
    }
    let ends = keys.expiration.as_deref().map(DateTime::parse_from_rfc3339).transpose();
    let ends = ends.map_err(|_| bad("its Expiration is no instant".to_owned()))?;
    let mut given = Credentials::builder()
        .access_key_id(keys.access_key_id)
        .secret_access_key(keys.secret_access_key)
        .provider_name("credential_process");
    given.set_session_token(keys.session_token);
    given.set_expiry(ends.map(Into::into));
    Ok(given.build())
}

/// What a program prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_prints_becomes_keys_or_words_without_them() {
        let whole = r#"echo '{"Version":1,"AccessKeyId":"AKID","SecretAccessKey":"hush","SessionToken":"t","Expiration":"2026-11-21T12:00:00Z","Later":1}'"#;
        let keys = ask(whole).unwrap();
        assert_eq!(
            (keys.access_key_id(), keys.secret_access_key(), keys.session_token()),
            ("AKID", "hush", Some("t"))
        );
        let ends = keys.expiry().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(ends.as_secs(), 1_795_262_400);
        assert!(
            ask(r#"echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b"}'"#)
                .unwrap()
                .expiry()
                .is_none()
        );
        for (program, said) in [
            ("echo no vault >&2; exit 3", "no vault"),
            ("/not/there", "ended with"),
            (r#"echo '{"Version":2,"AccessKeyId":"a","SecretAccessKey":"hush"}'"#, "Version is 2"),
            (r#"echo '{"Version":1,"SecretAccessKey":"hush"}'"#, "line 1"),
            (
                r#"echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"hush","Expiration":"soon"}'"#,
                "Expiration",
            ),
            ("echo hush", "line 1"),
        ] {
            let error = ask(program).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("hush"), "{program}: {error}");
        }
        assert!(!format!("{:?}", Program("vault --password hush".to_owned())).contains("hush"));
    }
}
