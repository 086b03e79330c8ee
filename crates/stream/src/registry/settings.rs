//! Where the registry is, who asks, and how patiently.

use std::fmt;
use std::time::Duration;

use millrace_runtime::Secret;
use reqwest::{Certificate, Url};

use super::error::RegistryError;
use super::retry::RetryPolicy;
use crate::authority::Authority;

/// Where the registry is, who asks, and how patiently.
#[derive(Clone)]
pub struct RegistrySettings {
    /// `https://host:port`, and for Apicurio its path: `https://host/apis/ccompat/v7`. Without credentials and query.
    pub url: String,
    /// The name (or Confluent Cloud's API key) for basic authentication; `None` sends none.
    pub user: Option<String>,
    /// The password (or API secret) of `user`.
    pub password: Option<Secret>,
    /// The registry's own authority. With it only what it signs is trusted, not what the system trusts.
    pub ca: Option<Authority>,
    /// The longest that a connection may take to come about.
    pub connect_timeout: Duration,
    /// The longest that one call may take in all, pauses and further attempts not counted.
    pub call_timeout: Duration,
    /// How often a failed call is tried again, and when.
    pub retry: RetryPolicy,
    /// The largest answer that is taken, in bytes: what bounds the memory of a call.
    pub max_answer_bytes: usize,
    /// How long an id that the registry does not know is not asked for again.
    pub unknown_for: Duration,
}

impl RegistrySettings {
    /// No login, the system's certificates, ten seconds a call.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            password: None,
            ca: None,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            // The largest schemas that registries take are one MiB.
            max_answer_bytes: 8 << 20,
            // Longer than a batch of records with one bad producer's id, shorter than a person who has just registered it waits.
            unknown_for: Duration::from_secs(30),
        }
    }

    /// The URL and the credentials of settings that can be meant as they are.
    pub(super) fn validate(&self) -> Result<(Url, Option<(String, Secret)>), RegistryError> {
        let refuse = |setting, reason: String| Err(RegistryError::Setting { setting, reason });
        if self.retry.attempts == 0 {
            return refuse("retry", "allows no attempt; 1 is a single one".to_owned());
        }
        let credentials = match (&self.user, &self.password) {
            (None, None) => None,
            (Some(user), Some(_)) if user.contains(':') => {
                return refuse("user", "holds a colon, which basic authentication cannot carry".to_owned());
            }
            (Some(user), password) => {
                Some((user.clone(), password.clone().unwrap_or_else(|| Secret::new(""))))
            }
            (None, Some(_)) => return refuse("password", "has no user beside it; set both".to_owned()),
        };
        // The text itself is not told where it is no URL: it may be the password, put into the wrong place.
        let url = match Url::parse(&self.url) {
            Ok(url) => url,
            Err(error) => {
                return refuse("url", format!("is no URL ({error}); write it as https://host:port"));
            }
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return refuse("url", format!("has the scheme {}; it has to be http or https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("url", "holds credentials; give them as user and password".to_owned());
        }
        if credentials.is_some() && url.scheme() == "http" && !is_loopback(&url) {
            return refuse(
                "user",
                "would be sent in the clear, with the password, to another machine over http; write https, and ca for an authority of your own"
                    .to_owned(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("url", "holds a query or a fragment; end it with its path".to_owned());
        }
        if self.ca.is_some() && url.scheme() == "http" {
            return refuse(
                "ca",
                "stands beside an http URL, which needs no certificate; write https".to_owned(),
            );
        }
        Ok((url, credentials))
    }

    /// The certificates of the private authority, where there is one.
    pub(super) fn authority(&self) -> Result<Option<Vec<Certificate>>, RegistryError> {
        let refuse = |reason: String| RegistryError::Setting { setting: "ca", reason };
        let path = match &self.ca {
            None => return Ok(None),
            Some(Authority::Pem(pem)) => {
                let certificates = Certificate::from_pem_bundle(pem.as_bytes());
                return match certificates.ok().filter(|certificates| !certificates.is_empty()) {
                    Some(certificates) => Ok(Some(certificates)),
                    None => Err(refuse("begins like PEM and holds no certificate".to_owned())),
                };
            }
            Some(Authority::File(path)) => path,
        };
        let pem = std::fs::read(path).map_err(|error| {
            refuse(format!("names {}, which could not be read ({error})", path.display()))
        })?;
        match Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(Some(certificates)),
            Ok(_) => Err(refuse(format!("names {}, which holds no PEM certificate", path.display()))),
            Err(error) => Err(refuse(format!("names {}, which is no PEM file ({error})", path.display()))),
        }
    }
}

impl fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.url).map(|url| without_secrets(&url));
        f.debug_struct("RegistrySettings")
            .field("url", &url.as_deref().unwrap_or("no url"))
            .field("user", &self.user)
            .field("password", &self.password)
            .field("ca", &self.ca)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("retry", &self.retry)
            .field("max_answer_bytes", &self.max_answer_bytes)
            .field("unknown_for", &self.unknown_for)
            .finish()
    }
}

/// Whether what is sent there stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// A URL as it may be shown: without credentials and query.
pub(super) fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    // These fail only where a URL can have none.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use millrace_events::failure::{Class, Classified};

    use super::*;

    #[test]
    fn settings_that_cannot_be_meant_are_refused_by_name() {
        let good = RegistrySettings::new("https://registry.example.com");
        assert!(good.validate().is_ok());
        let url = |url: &str| RegistrySettings { url: url.to_owned(), ..good.clone() };
        let bad = [
            ("url", url("registry:8081")),
            ("url", url("hunter2")),
            ("url", url("https://me:hunter2@registry.example.com")),
            ("url", url("https://registry.example.com/?key=hunter2")),
            ("password", RegistrySettings { password: Some(Secret::new("hunter2")), ..good.clone() }),
            (
                "user",
                RegistrySettings {
                    user: Some("a:b".to_owned()),
                    password: Some(Secret::new("hunter2")),
                    ..good.clone()
                },
            ),
            (
                "user",
                RegistrySettings {
                    user: Some("me".to_owned()),
                    password: Some(Secret::new("hunter2")),
                    ..url("http://registry.example.com:8081")
                },
            ),
            ("ca", RegistrySettings { ca: "/ca.pem".parse().ok(), ..url("http://127.0.0.1:1") }),
            (
                "retry",
                RegistrySettings {
                    retry: RetryPolicy { attempts: 0, ..RetryPolicy::default() },
                    ..good.clone()
                },
            ),
        ];
        for here in ["http://127.0.0.1:8081", "http://[::1]:8081", "http://localhost:8081"] {
            let (user, password) = (Some("me".to_owned()), Some(Secret::new("hunter2")));
            assert!(RegistrySettings { user, password, ..url(here) }.validate().is_ok(), "{here}");
        }
        for (setting, bad) in bad {
            let error = bad.validate().unwrap_err();
            assert_eq!(error.class(), Class::Stop);
            assert!(error.to_string().contains(setting), "{error}");
            let shown = format!("{error} {error:?} {bad:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_told_by_its_path() {
        for path in ["/no/such/ca.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            let settings =
                RegistrySettings { ca: path.parse().ok(), ..RegistrySettings::new("https://localhost") };
            let error = settings.authority().unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
            assert_eq!(error.class(), Class::Stop);
        }
    }
}
