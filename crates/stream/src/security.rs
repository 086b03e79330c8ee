//! How a client proves itself to the brokers, and they to it.

use std::fmt;
use std::str::FromStr;

use millrace_runtime::Secret;
use millrace_runtime::settings::Environment;
use rdkafka::ClientConfig;

use crate::StreamError;
use crate::authority::Authority;

/// `MILLRACE_KAFKA_SECURITY`: `plain` (unless set), `tls`, `scram` or `msk-iam`.
pub const PROTOCOL: &str = "MILLRACE_KAFKA_SECURITY";
/// `MILLRACE_KAFKA_USER`: who logs in by `scram`.
pub const USER: &str = "MILLRACE_KAFKA_USER";
/// `MILLRACE_KAFKA_PASSWORD`: the password of that user.
pub const PASSWORD: &str = "MILLRACE_KAFKA_PASSWORD";
/// `MILLRACE_KAFKA_CA`: the PEM file of the brokers' own authority, or its PEM itself; unless set, the machine's certificates are
/// trusted.
pub const CA: &str = "MILLRACE_KAFKA_CA";
/// `MILLRACE_KAFKA_REGION`: the AWS region of the MSK cluster, for `msk-iam`.
pub const REGION: &str = "MILLRACE_KAFKA_REGION";

/// How a client talks to the brokers. With `ca` only what its authorities sign is trusted, without it what the machine trusts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Security {
    /// Neither encrypted nor logged in.
    #[default]
    Plain,
    /// Encrypted, not logged in.
    Tls {
        /// The brokers' own authority.
        ca: Option<Authority>,
    },
    /// Encrypted, logged in by SCRAM-SHA-512.
    Scram {
        /// Who logs in.
        user: String,
        /// The user's.
        password: Secret,
        /// The brokers' own authority.
        ca: Option<Authority>,
    },
    /// Encrypted, logged in to Amazon MSK as the role that this process has. Needs the feature `msk-iam`.
    MskIam {
        /// The cluster's, such as `eu-central-1`.
        region: String,
    },
}

/// The kind of [`Security`], as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// [`Security::Plain`].
    #[default]
    Plain,
    /// [`Security::Tls`].
    Tls,
    /// [`Security::Scram`].
    Scram,
    /// [`Security::MskIam`].
    MskIam,
}

impl Protocol {
    /// Every one, for help texts.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Tls, Self::Scram, Self::MskIam];

    /// As a person writes it: `plain`, `tls`, `scram` or `msk-iam`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Scram => "scram",
            Self::MskIam => "msk-iam",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.name() == text);
        found.ok_or_else(|| format!("it has to be {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// The settings one by one, as a command line or an environment has them; [`settle`](Self::settle) makes sense of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityOptions {
    /// [`PROTOCOL`].
    pub protocol: Protocol,
    /// [`USER`].
    pub user: Option<String>,
    /// [`PASSWORD`].
    pub password: Option<Secret>,
    /// [`CA`].
    pub ca: Option<Authority>,
    /// [`REGION`].
    pub region: Option<String>,
}

impl SecurityOptions {
    /// As the environment has them; `None` where one is wrong, which [`Environment::finish`] then tells.
    pub fn of_environment(environment: &mut Environment) -> Option<Self> {
        let protocol = environment.or(PROTOCOL, Protocol::default());
        let user = environment.optional(USER);
        let password = environment.optional(PASSWORD);
        let ca = environment.optional(CA);
        let region = environment.optional(REGION);
        Some(Self { protocol: protocol?, user: user?, password: password?, ca: ca?, region: region? })
    }

    /// What they mean together.
    ///
    /// # Errors
    /// One is missing, or stands beside a protocol that does not look at it: nobody sets a password that is not used.
    pub fn settle(self) -> Result<Security, StreamError> {
        self.means().map_err(|(setting, reason)| StreamError::Security { setting, reason: reason.to_owned() })
    }

    fn means(self) -> Result<Security, (&'static str, &'static str)> {
        let Self { protocol, user, password, ca, region } = self;
        let unused = |setting, is_set: bool, reason| if is_set { Err((setting, reason)) } else { Ok(()) };
        if protocol != Protocol::Scram {
            let reason = "is set, but only MILLRACE_KAFKA_SECURITY=scram logs in by it";
            unused(USER, user.is_some(), reason)?;
            unused(PASSWORD, password.is_some(), reason)?;
        }
        if !matches!(protocol, Protocol::Tls | Protocol::Scram) {
            let reason = "is set, but only MILLRACE_KAFKA_SECURITY=tls and =scram check certificates by it";
            unused(CA, ca.is_some(), reason)?;
        }
        if protocol != Protocol::MskIam {
            unused(REGION, region.is_some(), "is set, but only MILLRACE_KAFKA_SECURITY=msk-iam needs it")?;
        }
        Ok(match protocol {
            Protocol::Plain => Security::Plain,
            Protocol::Tls => Security::Tls { ca },
            Protocol::Scram => {
                let reason = "is not set, and MILLRACE_KAFKA_SECURITY=scram logs in by it";
                let user = user.ok_or((USER, reason))?;
                Security::Scram { user, password: password.ok_or((PASSWORD, reason))?, ca }
            }
            Protocol::MskIam => {
                let reason = "is not set, and MILLRACE_KAFKA_SECURITY=msk-iam signs for it";
                Security::MskIam { region: region.ok_or((REGION, reason))? }
            }
        })
    }
}

impl Security {
    /// As the environment has it; `None` where it is wrong, which [`Environment::finish`] then tells.
    pub fn of_environment(environment: &mut Environment) -> Option<Self> {
        let options = SecurityOptions::of_environment(environment)?;
        options.means().map_err(|(setting, reason)| environment.refuse(setting, reason)).ok()
    }

    /// Its kind, without names and passwords.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Plain => Protocol::Plain,
            Self::Tls { .. } => Protocol::Tls,
            Self::Scram { .. } => Protocol::Scram,
            Self::MskIam { .. } => Protocol::MskIam,
        }
    }

    /// Writes librdkafka's settings.
    ///
    /// # Errors
    /// The authority's file is not there or holds no certificate, or this build cannot log in that way.
    pub(crate) fn apply(&self, config: &mut ClientConfig) -> Result<(), StreamError> {
        match self {
            Self::Plain => {}
            Self::Tls { ca } => {
                config.set("security.protocol", "ssl");
                trust(config, ca.as_ref())?;
            }
            Self::Scram { user, password, ca } => {
                config.set("security.protocol", "sasl_ssl").set("sasl.mechanism", "SCRAM-SHA-512");
                config.set("sasl.username", user).set("sasl.password", password.expose());
                trust(config, ca.as_ref())?;
            }
            Self::MskIam { .. } if !cfg!(feature = "msk-iam") => {
                let reason = "is msk-iam, which this build cannot do; build with the feature msk-iam, or log in by scram";
                return Err(StreamError::Security { setting: PROTOCOL, reason: reason.to_owned() });
            }
            Self::MskIam { .. } => {
                config.set("security.protocol", "sasl_ssl").set("sasl.mechanism", "OAUTHBEARER");
                trust(config, None)?;
            }
        }
        Ok(())
    }

    /// What to do about brokers that refuse this client, or that it cannot trust.
    pub(crate) fn remedy(&self, said: &str) -> String {
        let ca = match self {
            Self::Tls { ca } | Self::Scram { ca, .. } => ca.as_ref(),
            Self::Plain | Self::MskIam { .. } => None,
        };
        if said.contains(TOKEN_FAILURE) {
            return "give this process AWS credentials: a role, a profile, or AWS_ACCESS_KEY_ID and its like"
                .to_owned();
        }
        match (said.contains("certificate"), ca, self) {
            (true, None, Self::MskIam { .. }) => {
                "install the machine's certificates (ca-certificates): Amazon's authorities are among them"
                    .to_owned()
            }
            (true, None, _) => format!(
                "no authority that this machine trusts has signed their certificate for that host: name the PEM file \
                 of their authority in {CA}"
            ),
            (true, Some(ca), _) => format!(
                "no authority in {ca} has signed their certificate for that host, or it has expired: check {CA} and the \
                 brokers' host names"
            ),
            (false, _, Self::Scram { user, .. }) => format!(
                "check {PASSWORD} of the user {user:?} ({USER}), and that the brokers know the user by SCRAM-SHA-512"
            ),
            (false, _, Self::MskIam { region }) => format!(
                "check that this process's role may kafka-cluster:Connect to the cluster, and that the cluster is in \
                 {region} ({REGION})"
            ),
            (false, _, Self::Plain | Self::Tls { .. }) => {
                format!("check that {PROTOCOL}={} is what they listen for on that port", self.protocol())
            }
        }
    }
}

/// Whose signature under a broker's certificate is believed.
fn trust(config: &mut ClientConfig, ca: Option<&Authority>) -> Result<(), StreamError> {
    let Some(ca) = ca else {
        // OpenSSL is built in and knows no machine's folders: without this it would trust nobody.
        config.set("ssl.ca.location", "probe");
        return Ok(());
    };
    let refuse = |reason: String| Err(StreamError::Security { setting: CA, reason });
    let path = match ca {
        Authority::Pem(pem) if !Authority::holds_certificate(pem.as_bytes()) => {
            return refuse("begins like PEM and holds no certificate".to_owned());
        }
        Authority::Pem(pem) => {
            config.set("ssl.ca.pem", pem);
            return Ok(());
        }
        Authority::File(path) => path,
    };
    match std::fs::read(path) {
        // librdkafka's own complaint names neither the setting nor what is wrong with the file.
        Ok(pem) if !Authority::holds_certificate(&pem) => {
            refuse(format!("names {ca}, which holds no PEM certificate"))
        }
        Ok(_) => {
            config.set("ssl.ca.location", path.to_string_lossy());
            Ok(())
        }
        Err(error) => refuse(format!("names {ca}, which could not be read ({error})")),
    }
}

/// How librdkafka begins where no token could be had.
pub(crate) const TOKEN_FAILURE: &str = "Failed to acquire SASL OAUTHBEARER token";

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Security, String> {
        let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut environment = Environment::of(variables);
        let security = Security::of_environment(&mut environment);
        environment.finish(|| security).map_err(|error| error.to_string())
    }

    #[test]
    fn each_protocol_is_read_of_the_environment() {
        assert_eq!(environment(&[]), Ok(Security::Plain));
        assert_eq!(environment(&[(PROTOCOL, "tls")]), Ok(Security::Tls { ca: None }));
        let scram =
            environment(&[(PROTOCOL, "scram"), (USER, "app"), (PASSWORD, "hunter2"), (CA, "/ca.pem")]);
        let password = Secret::new("hunter2");
        let ca = Some(Authority::File("/ca.pem".into()));
        assert_eq!(scram, Ok(Security::Scram { user: "app".to_owned(), password, ca }));
        assert!(!format!("{scram:?}").contains("hunter2"));
        let msk = environment(&[(PROTOCOL, "msk-iam"), (REGION, "eu-central-1")]);
        assert_eq!(msk, Ok(Security::MskIam { region: "eu-central-1".to_owned() }));
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(protocol));
        }
    }

    #[test]
    fn what_is_missing_or_unused_is_told_by_name() {
        for (variables, told) in [
            (&[(PROTOCOL, "scram"), (USER, "app")][..], "MILLRACE_KAFKA_PASSWORD is not set"),
            (&[(PROTOCOL, "scram"), (PASSWORD, "hunter2")], "MILLRACE_KAFKA_USER is not set"),
            (&[(PASSWORD, "hunter2")], "MILLRACE_KAFKA_PASSWORD is set, but only"),
            (&[(PROTOCOL, "msk-iam")], "MILLRACE_KAFKA_REGION is not set"),
            (&[(PROTOCOL, "tls"), (REGION, "eu")], "MILLRACE_KAFKA_REGION is set, but only"),
            (&[(CA, "/ca.pem")], "MILLRACE_KAFKA_CA is set, but only"),
            (&[(PROTOCOL, "hunter2")], "the value of MILLRACE_KAFKA_SECURITY cannot be read as Protocol"),
        ] {
            let error = environment(variables).expect_err(told);
            assert!(error.contains(told) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_told_by_its_path() {
        for path in ["/no/such/ca.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            let ca = path.parse().ok();
            let error = Security::Tls { ca }.apply(&mut ClientConfig::new()).unwrap_err();
            assert!(error.to_string().contains(path) && error.to_string().contains(CA), "{error}");
        }
        let key = Some(Authority::Pem("-----BEGIN PRIVATE KEY-----\nhunter2".to_owned()));
        let error = Security::Tls { ca: key }.apply(&mut ClientConfig::new()).unwrap_err().to_string();
        assert!(error.contains("holds no certificate") && !error.contains("hunter2"), "{error}");
    }
}
