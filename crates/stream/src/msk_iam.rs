//! Amazon MSK's login as an IAM role: a URL signed with the role's credentials, which the brokers have AWS check.
//!
//! The package aws-msk-iam-sasl-signer does the same, but builds aws-lc, which needs CMake; and all it adds to the SDK's own
//! signer is the URL.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign as sign_request,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;

type Failure = Box<dyn Error + Send + Sync>;

/// What a signature is for: MSK refuses one for anything else.
const SERVICE: &str = "kafka-cluster";

/// How long a token is good; librdkafka asks for the next after four fifths of it. MSK takes no longer ones.
const LIFETIME: Duration = Duration::from_secs(900);

/// A token for the clusters of `region`, of the credentials that AWS's own order finds (environment, profile, web identity,
/// container, instance). Blocks. It holds no secret but a signature that ends with its time.
pub(crate) fn token(region: &str) -> Result<OAuthToken, Box<dyn Error>> {
    let region = region.to_owned();
    // librdkafka asks on whatever thread polls, which may be one of a runtime that must not be blocked by another.
    let asking = std::thread::spawn(move || -> Result<OAuthToken, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let credentials = runtime.block_on(credentials(&region))?;
        sign(&region, credentials, SystemTime::now())
    });
    let asked = asking.join().map_err(|_| "the thread that signs ended early")?;
    // librdkafka takes no text with a nul in it, and an error is one line.
    asked.map_err(|error| with_causes(error.as_ref()).replace(['\0', '\n'], " ").into())
}

async fn credentials(region: &str) -> Result<Credentials, Failure> {
    // Pinned: a newer one may change where credentials are looked for.
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(millrace_aws_http::client())
        .region(Region::new(region.to_owned()))
        .load()
        .await;
    let provider = config.credentials_provider().ok_or("this process has no AWS credentials")?;
    Ok(provider.provide_credentials().await?)
}

fn sign(region: &str, credentials: Credentials, now: SystemTime) -> Result<OAuthToken, Failure> {
    let url = format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFETIME);
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(settings)
        .build()?;
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign_request(request, &params.into())?.into_parts();
    let mut signed = reqwest::Url::parse(&url)?;
    for (name, value) in instructions.params() {
        signed.query_pairs_mut().append_pair(name, value);
    }
    // Not signed: MSK writes it into its log.
    signed.query_pairs_mut().append_pair("User-Agent", concat!("millrace/", env!("CARGO_PKG_VERSION")));
    let ends = now.duration_since(UNIX_EPOCH)? + LIFETIME;
    Ok(OAuthToken {
        token: BASE64_URL_SAFE_NO_PAD.encode(signed.as_str()),
        principal_name: String::new(),
        lifetime_ms: i64::try_from(ends.as_millis())?,
    })
}

/// The SDK's errors say what they mean in their causes.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push_str(": ");
        said.push_str(&error.to_string());
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What botocore's SigV4QueryAuth signs for 2026-11-21 12:00 UTC with the same credentials.
    #[test]
    fn the_url_is_signed_as_botocore_signs_it() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_262_400);
        for (session, signature) in [
            (None, "b433ecb877fdec27f682e77e6b1cdd6463b400c870e9b68015da09b38a1aeff5"),
            (Some("session/token=="), "06088a2307b332dbb3d75dc54511f7fc52af92bbc14da8b507787b3223012985"),
        ] {
            let credentials =
                Credentials::new("AKIDEXAMPLE", "secret/key", session.map(str::to_owned), None, "test");
            let token = sign("eu-central-1", credentials, now).unwrap();
            assert_eq!(token.lifetime_ms, 1_795_263_300_000);
            let url = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(&token.token).unwrap()).unwrap();
            let url = reqwest::Url::parse(&url).unwrap();
            assert_eq!(url.host_str(), Some("kafka.eu-central-1.amazonaws.com"));
            let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
            let scope = "AKIDEXAMPLE/20261121/eu-central-1/kafka-cluster/aws4_request";
            let mut expected = BTreeMap::from(
                [
                    ("Action", "kafka-cluster:Connect"),
                    ("User-Agent", concat!("millrace/", env!("CARGO_PKG_VERSION"))),
                    ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                    ("X-Amz-Credential", scope),
                    ("X-Amz-Date", "20261121T120000Z"),
                    ("X-Amz-Expires", "900"),
                    ("X-Amz-Signature", signature),
                    ("X-Amz-SignedHeaders", "host"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
            if let Some(session) = session {
                expected.insert("X-Amz-Security-Token".to_owned(), session.to_owned());
            }
            assert_eq!(asked, expected);
        }
    }
}
