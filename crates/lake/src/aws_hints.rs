//! How this process is set up for AWS, for hints: they name what helps here, and never advise to set what is set.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_config::profile::{Profile, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

/// What a service's requests are set up by.
#[derive(Debug, Clone)]
pub struct Setup {
    keys: KeysFrom,
    region: Option<(String, &'static str)>,
    /// Whether the service is another's than AWS's.
    elsewhere: bool,
}

/// Where keys are taken from, as AWS's own order has it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeysFrom {
    /// The program gives them itself.
    Settings,
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. They win over the profile that AWS_PROFILE names.
    Environment {
        shadowed: Option<String>,
        session: bool,
    },
    /// One of the two is set.
    Half {
        missing: &'static str,
    },
    Profile {
        name: String,
        way: Way,
    },
    /// AWS_PROFILE names one that no file has.
    NoProfile {
        name: String,
        known: BTreeSet<String>,
    },
    /// AWS's files of profiles cannot be read.
    BadFiles {
        why: String,
    },
    /// A token for a role, as in Kubernetes.
    WebIdentity {
        missing: Option<&'static str>,
    },
    /// A task's or a function's role, which the container's endpoint gives.
    Container,
    /// Nothing is set: the role of this machine, if it has one.
    Machine,
}

/// The profiles of AWS's files, or why there are none, in words.
pub(crate) async fn profiles() -> Result<ProfileSet, String> {
    let (files, environment, which) = (Fs::real(), Env::real(), EnvConfigFiles::default());
    let read = aws_config::profile::load(&files, &environment, &which, None).await;
    read.map_err(|error| in_words(&error))
}

/// Whether the environment itself has keys, which win over every profile.
pub(crate) fn environment_has_keys() -> bool {
    // The SDK takes the older name of the secret too.
    let secret = variable("AWS_SECRET_ACCESS_KEY").or_else(|| variable("SECRET_ACCESS_KEY"));
    variable("AWS_ACCESS_KEY_ID").is_some() && secret.is_some()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// How a profile comes by keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Keys,
    Sso,
    Process,
    Role,
    WebIdentity,
    Login,
    Nothing,
}

impl Setup {
    /// As the process's environment and the profiles have it; `config` is what the SDK made of them.
    pub async fn of_process(config: &SdkConfig, given_keys: bool, elsewhere: bool) -> Self {
        let profiles = profiles().await;
        let by = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find(|name| variable(name).is_some());
        let region =
            config.region().map(|region| (region.to_string(), by.unwrap_or("the profile or the settings")));
        let keys = match given_keys {
            true => KeysFrom::Settings,
            false => KeysFrom::of(&profiles),
        };
        Self { keys, region, elsewhere }
    }

    /// What to do where no keys came about.
    pub fn without_keys(&self) -> String {
        match &self.keys {
            KeysFrom::Settings => "the program's own keys could not be used; this is a bug".to_owned(),
            KeysFrom::Environment { .. } => {
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY could not be used; correct them".to_owned()
            }
            KeysFrom::Half { missing } => format!("no credentials were found; {missing} is missing beside its other half, set it too"),
            KeysFrom::Profile { name, way } => way.without_keys(name),
            KeysFrom::NoProfile { name, known } => {
                let known = match known.is_empty() {
                    true => "there are none".to_owned(),
                    false => format!("there are {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
                };
                format!("there is no profile {name}, which AWS_PROFILE names, in AWS's files; {known}")
            }
            KeysFrom::BadFiles { why } => format!("AWS's files of profiles could not be read; correct them: {why}"),
            KeysFrom::WebIdentity { missing: Some(missing) } => {
                format!("no credentials were found; {missing} is missing beside AWS_WEB_IDENTITY_TOKEN_FILE, set it too")
            }
            KeysFrom::WebIdentity { missing: None } => {
                "the token of AWS_WEB_IDENTITY_TOKEN_FILE got no keys for AWS_ROLE_ARN; see that the file can be read and the role \
                 trusts the token's issuer"
                    .to_owned()
            }
            KeysFrom::Container => {
                "the container's endpoint gave no keys; see that the task has a role, and what its agent says".to_owned()
            }
            KeysFrom::Machine => {
                "no credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the function or \
                 machine a role"
                    .to_owned()
            }
        }
    }

    /// What to do where the service does not know the keys.
    pub fn wrong_keys(&self) -> String {
        match &self.keys {
            KeysFrom::Environment { shadowed: Some(name), .. } => format!(
                "the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are wrong; correct them, or unset them where those of profile \
                 {name} are meant"
            ),
            KeysFrom::Environment { .. } => {
                "the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are wrong; correct them".to_owned()
            }
            KeysFrom::Profile { name, way: Way::Keys } => {
                format!(
                    "the keys of profile {name} are wrong; correct them: `aws configure --profile {name}`"
                )
            }
            KeysFrom::Profile { name, way: Way::Process } => {
                format!(
                    "the keys that profile {name}'s credential_process gave are wrong; see what it is asked for"
                )
            }
            KeysFrom::Settings => {
                "the credentials are wrong; correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose another AWS_PROFILE"
                    .to_owned()
            }
            _ => format!(
                "the keys of {} are not known here; see that they are this account's",
                self.keys.named()
            ),
        }
    }

    /// What to do where the keys' time is over.
    pub fn expired_keys(&self) -> String {
        match &self.keys {
            KeysFrom::Environment { shadowed, session: true } => {
                let instead = shadowed.as_ref().map_or_else(String::new, |name| {
                    format!(", or unset them where those of profile {name} are meant")
                });
                format!("the credentials of AWS_SESSION_TOKEN have expired; fetch new ones{instead}")
            }
            KeysFrom::Profile { name, way: Way::Sso } => {
                format!("the credentials have expired; log in: `aws sso login{}`", chosen(name))
            }
            keys => format!("the credentials of {} have expired; renew them", keys.named()),
        }
    }

    /// What to do where a bucket is in another region, which it may tell.
    pub(crate) fn wrong_region(&self, right: Option<&str>) -> String {
        let right = right.map_or_else(|| "the bucket's".to_owned(), str::to_owned);
        match &self.region {
            Some((now, by)) if by.starts_with("AWS_") => {
                format!("the bucket is in another region than {now}; change {by} to {right}")
            }
            Some((now, _)) => {
                format!("the bucket is in another region than {now}; set AWS_REGION to {right}")
            }
            None => format!("the bucket is in another region; set AWS_REGION to {right}"),
        }
    }

    /// Where else a mistake may be than in the lake's address.
    pub(crate) fn or_endpoint(&self) -> &'static str {
        if self.elsewhere { " or the endpoint (AWS_ENDPOINT_URL, or its own for S3)" } else { "" }
    }
}

impl KeysFrom {
    fn of(profiles: &Result<ProfileSet, String>) -> Self {
        let chosen = variable("AWS_PROFILE");
        if environment_has_keys() {
            return Self::Environment { shadowed: chosen, session: variable("AWS_SESSION_TOKEN").is_some() };
        }
        let has = |name| variable(name).is_some();
        let half = match (has("AWS_ACCESS_KEY_ID"), has("AWS_SECRET_ACCESS_KEY")) {
            (true, false) => Some(Self::Half { missing: "AWS_SECRET_ACCESS_KEY" }),
            (false, true) => Some(Self::Half { missing: "AWS_ACCESS_KEY_ID" }),
            _ => None,
        };
        let profiles = match profiles {
            Ok(profiles) => profiles,
            Err(why) => return Self::BadFiles { why: why.clone() },
        };
        let name = profiles.selected_profile().to_owned();
        match (profiles.get_profile(&name), chosen) {
            (None, Some(name)) => {
                return Self::NoProfile { name, known: profiles.profiles().map(str::to_owned).collect() };
            }
            // The one that is there by default may say other things than where keys are.
            (Some(profile), None) if Way::of(profile) == Way::Nothing => {}
            (Some(profile), _) => return Self::Profile { way: Way::of(profile), name },
            (None, None) => {}
        }
        if let Some(half) = half {
            return half;
        }
        if variable("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
            let missing = variable("AWS_ROLE_ARN").is_none().then_some("AWS_ROLE_ARN");
            return Self::WebIdentity { missing };
        }
        let of_container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        if of_container.into_iter().any(|name| variable(name).is_some()) {
            return Self::Container;
        }
        Self::Machine
    }

    /// For messages.
    fn named(&self) -> String {
        match self {
            Self::Settings => "the program".to_owned(),
            Self::Environment { .. } | Self::Half { .. } => "the environment".to_owned(),
            Self::Profile { name, .. } | Self::NoProfile { name, .. } => format!("profile {name}"),
            Self::BadFiles { .. } => "the profile".to_owned(),
            Self::WebIdentity { .. } => "the role of AWS_ROLE_ARN".to_owned(),
            Self::Container => "the container's role".to_owned(),
            Self::Machine => "this machine's role".to_owned(),
        }
    }
}

impl Way {
    pub(crate) fn of(profile: &Profile) -> Self {
        let has = |name: &str| profile.get(name).is_some();
        // In the order in which AWS's tools look.
        if has("role_arn") {
            if has("web_identity_token_file") { Self::WebIdentity } else { Self::Role }
        } else if has("sso_session") || has("sso_start_url") {
            Self::Sso
        } else if has("login_session") {
            Self::Login
        } else if has("credential_process") {
            Self::Process
        } else if has("aws_access_key_id") || has("aws_secret_access_key") {
            Self::Keys
        } else {
            Self::Nothing
        }
    }

    fn without_keys(self, profile: &str) -> String {
        let chosen = chosen(profile);
        match self {
            Self::Keys => {
                format!("profile {profile} has half a key; complete it: `aws configure{chosen}`")
            }
            Self::Sso => format!(
                "profile {profile} needs a login by SSO (its reason follows): `aws sso login{chosen}`"
            ),
            Self::Process => format!(
                "the program that profile {profile} names (credential_process) gave no keys; what it said follows, run it by hand to \
                 see more"
            ),
            Self::Role => format!(
                "profile {profile} could not take its role; see that its source profile is there and may take it (sts:AssumeRole), and \
                 that the role asks for no MFA: where it does, have the AWS CLI ask, \
                 `eval \"$(aws configure export-credentials{chosen} --format env)\"`"
            ),
            Self::WebIdentity => format!(
                "profile {profile} could not take its role by the token; see that web_identity_token_file can be read and the role \
                 trusts the token's issuer"
            ),
            Self::Login => format!(
                "profile {profile} is of `aws login`, which is not known here; take its keys: \
                 `eval \"$(aws configure export-credentials{chosen} --format env)\"`"
            ),
            Self::Nothing => format!(
                "profile {profile} names no credentials, and nothing else gave any; give it some: `aws configure{chosen}`, or `aws \
                 configure sso{chosen}`"
            ),
        }
    }
}

/// The option of AWS's command line that chooses a profile.
fn chosen(profile: &str) -> String {
    if profile == "default" { String::new() } else { format!(" --profile {profile}") }
}

fn in_words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
