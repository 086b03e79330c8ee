//! What can go wrong between us and a schema registry, and what to do about it.

use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use reqwest::StatusCode;

use super::schema::SchemaType;

/// Why the registry did not do what it was asked. What lies beneath is its `source()`: print the whole chain.
///
/// No variant holds the password; `url` is without credentials and query.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The setting cannot be meant as it is; nothing was asked of the registry.
    #[error("the schema registry's setting `{setting}` {reason}")]
    Setting {
        /// The field of [`RegistrySettings`](super::RegistrySettings), such as `url`.
        setting: &'static str,
        /// As a predicate.
        reason: String,
    },

    /// No HTTP client could be made.
    #[error(
        "could not set up HTTPS for the schema registry at {url}; install the system's certificates (package \
         ca-certificates), or give its authority's file"
    )]
    Client {
        /// The registry's.
        url: String,
        /// What the client said.
        source: reqwest::Error,
    },

    /// Whatever is framed with this id becomes a dead letter.
    #[error(
        "the schema registry at {url} does not know the schema id {id}; the record was framed against another registry, or \
         its schema was deleted"
    )]
    UnknownId {
        /// The registry's.
        url: String,
        /// The id in the frame.
        id: u32,
    },

    /// `version` is a number or `latest`.
    #[error(
        "the schema registry at {url} has no version {version} of the subject {subject}; register its schema, or check the \
         subject's name"
    )]
    UnknownSubject {
        /// The registry's.
        url: String,
        /// The subject's name.
        subject: String,
        /// A number from 1, or `latest`.
        version: String,
    },

    /// The registry will not take the schema beside those the subject has.
    #[error(
        "the {schema_type} schema of the subject {subject} is incompatible with what the schema registry at {url} has of it{}; \
         mend the schema (a new field needs a default, a removed one keeps its number reserved), or give the new one another \
         subject", in_words(.reasons)
    )]
    Incompatible {
        /// The registry's.
        url: String,
        /// The subject's name.
        subject: String,
        /// The language of the refused schema.
        schema_type: SchemaType,
        /// In the registry's words; empty where it gives none.
        reasons: Vec<String>,
    },

    /// The registry cannot read the schema.
    #[error(
        "the {schema_type} schema of the subject {subject} is no valid one to the schema registry at {url}: {said}; mend the \
         schema, and register first what it refers to"
    )]
    Invalid {
        /// The registry's.
        url: String,
        /// The subject's name.
        subject: String,
        /// The language of the refused schema.
        schema_type: SchemaType,
        /// The registry's words.
        said: String,
    },

    /// `task` begins with a verb and names the subject or the id.
    #[error("could not {task} at the schema registry {url} after {attempts} {}; {}",
        if *.attempts == 1 { "attempt" } else { "attempts" }, source.remedy())]
    Call {
        /// What was to be done.
        task: String,
        /// The registry's.
        url: String,
        /// How many were made, from 1.
        attempts: u32,
        /// Why the last one failed; the class comes from it.
        source: CallError,
    },
}

impl Classified for RegistryError {
    fn class(&self) -> Class {
        match self {
            Self::UnknownId { .. } => Class::DeadLetter,
            Self::Call { source, .. } => source.class(),
            Self::Setting { .. }
            | Self::Client { .. }
            | Self::UnknownSubject { .. }
            | Self::Incompatible { .. }
            | Self::Invalid { .. } => Class::Stop,
        }
    }
}

fn in_words(reasons: &[String]) -> String {
    if reasons.is_empty() { " (it gives no reason)".to_owned() } else { format!(" ({})", reasons.join("; ")) }
}

/// Why one call gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// `code` is the registry's own, `said` its message, shortened; `retry_after` what the answer asks to wait, as it says.
    #[error("the registry answered {status}{}", if .said.is_empty() { String::new() } else { format!(": {}", .said) })]
    Refused {
        /// Of the HTTP answer.
        status: StatusCode,
        /// The registry's `error_code`, such as 40403; `None` where the answer has none.
        code: Option<u32>,
        /// The registry's `message`, shortened; empty where the answer has none.
        said: String,
        /// The answer's `Retry-After`, not cut to what the policy grants.
        retry_after: Option<Duration>,
    },

    /// Whoever answered is no registry: a retry does not help.
    #[error("the answer is not what a schema registry gives: {reason}")]
    Unreadable {
        /// What the JSON's reader said, shortened.
        reason: String,
    },

    /// The answer is cut off and thrown away.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// [`RegistrySettings::max_answer_bytes`](super::RegistrySettings::max_answer_bytes).
        limit: usize,
    },

    /// Another authority signed it, or another name is in it: a retry does not help.
    #[error("the certificate of the other side was not accepted")]
    Untrusted(#[source] reqwest::Error),

    /// No connection, a connection that broke, or one that fell silent.
    #[error("the HTTP exchange {}", if .0.is_timeout() { "timed out" } else { "failed" })]
    Exchange(#[source] reqwest::Error),
}

impl CallError {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the registry itself says that it has not got what was asked for. A 404 without a code of its own is somebody
    /// else's: a path that does not exist must not make a dead letter of every record.
    pub(super) fn says_unknown(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, code: Some(40_400..=40_499), .. })
    }

    /// Whether whoever answered has no such path, or takes no such method there.
    pub(super) fn has_no_such_path(&self) -> bool {
        let status = match self {
            Self::Refused { status, .. } => *status,
            _ => return false,
        };
        matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) && !self.says_unknown()
    }

    /// What a person can do.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
                "check the user and the password given for it"
            }
            Self::Refused { status: StatusCode::FORBIDDEN, .. } => {
                "give the user the right to do this to the subject"
            }
            Self::Refused { status, .. } if status.is_redirection() => {
                "set the URL to where it really is: redirects are not followed with a password"
            }
            Self::Refused { .. } if self.has_no_such_path() => {
                "check the URL: its path may lack the registry's own (Apicurio: /apis/ccompat/v7)"
            }
            Self::Refused { .. } if self.class() == Class::Retry => {
                "it seems to be out of service: try again later"
            }
            Self::Refused { .. } => "check what was asked for",
            Self::Unreadable { .. } | Self::TooLarge { .. } => "check that the URL is the registry's",
            Self::Untrusted(_) => {
                "give the file of the authority that signed its certificate, and its name as signed"
            }
            Self::Exchange(error) if error.is_builder() => "check the URL",
            Self::Exchange(_) => "is it running, and may this machine reach it",
        }
    }
}

impl Classified for CallError {
    fn class(&self) -> Class {
        match self {
            Self::Refused { status, .. } if status.is_server_error() => Class::Retry,
            Self::Refused { status: StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT, .. } => {
                Class::Retry
            }
            Self::Exchange(error) if error.is_builder() => Class::Stop,
            Self::Exchange(_) => Class::Retry,
            Self::Refused { .. } | Self::Unreadable { .. } | Self::TooLarge { .. } | Self::Untrusted(_) => {
                Class::Stop
            }
        }
    }
}

/// Sorts a failed exchange: a certificate that is not accepted will not be accepted next time.
pub(super) fn of_exchange(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if is_certificate_error(current) {
            return CallError::Untrusted(error);
        }
        cause = current.source();
    }
    CallError::Exchange(error)
}

fn is_certificate_error(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    // An I/O error hides what it was made of from `source()`, and may be made of another one.
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| is_certificate_error(inner))
}
