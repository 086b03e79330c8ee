//! What Glue's refusals mean for the caller, and what a person can do about them.

use std::error::Error;

use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};

use millrace_lake::aws::{Said, Setup, causes, is_about_credentials, status};
use millrace_lake::data_catalog::DataCatalogError;

/// A request that failed: on which catalogue, doing what, to which entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempted<'a> {
    pub(super) catalogue: &'a str,
    pub(super) setup: &'a Setup,
    pub(super) action: &'static str,
    pub(super) entry: &'a str,
}

pub(super) const ALREADY_EXISTS: &str = "AlreadyExistsException";
pub(super) const NOT_FOUND: &str = "EntityNotFoundException";
const CHANGED: &str = "ConcurrentModificationException";

pub(super) fn is_there<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some(ALREADY_EXISTS)
}

pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some(NOT_FOUND)
}

/// Whether another changed the entry since it was read.
pub(super) fn has_changed<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some(CHANGED)
}

impl Attempted<'_> {
    /// The catalogue's error for Glue's.
    pub(super) fn refused<E>(self, error: &SdkError<E>) -> DataCatalogError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(_) => {
                let code = error.code().unwrap_or_default();
                self.answered(status(error).unwrap_or_default(), code, error.message())
            }
            _ if is_about_credentials(error) => self.stop(self.setup.without_keys(), in_words(error)),
            SdkError::ConstructionFailure(_) => {
                self.stop("the request could not be made; its reason follows", in_words(error))
            }
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                self.stop("the request could not be sent; its reason follows", in_words(error))
            }
            // No answer, or half of one.
            _ => self.retry(in_words(error)),
        }
    }

    /// The catalogue's error for an answer of Glue, `status` being 0 where it is one within an answer.
    pub(super) fn answered(self, status: u16, code: &str, message: Option<&str>) -> DataCatalogError {
        let mut words = match status {
            0 => format!("Glue said {code}"),
            status => format!("Glue answered {status} {code}"),
        };
        if let Some(message) = message {
            words.push_str(": ");
            words.push_str(message);
        }
        match hint(status, code, self.setup) {
            Some(hint) => self.stop(hint, Said(words)),
            None => self.retry(Said(words)),
        }
    }

    pub(super) fn retry(self, said: Said) -> DataCatalogError {
        DataCatalogError::Retry {
            catalogue: self.catalogue.to_owned(),
            action: self.action,
            entry: self.entry.to_owned(),
            source: Box::new(said),
        }
    }

    pub(super) fn stop(self, hint: impl Into<String>, said: Said) -> DataCatalogError {
        DataCatalogError::Stop {
            catalogue: self.catalogue.to_owned(),
            action: self.action,
            entry: self.entry.to_owned(),
            hint: hint.into(),
            source: Box::new(said),
        }
    }
}

const NO_PERMISSION: &str = "permission denied; allow glue:GetTable, CreateTable, UpdateTable, GetPartition, BatchCreatePartition, \
     BatchUpdatePartition and, where the database is not there yet, CreateDatabase on the catalog, the database and its tables; \
     where Lake Formation rules, grant the same there";

/// What to do about an answer of Glue. `None`: try again later.
fn hint(status: u16, code: &str, setup: &Setup) -> Option<String> {
    let hint = match code {
        // Another writes the same entry, or took it away between two requests: from the start it may go through.
        CHANGED | NOT_FOUND | ALREADY_EXISTS => return None,
        "ThrottlingException"
        | "Throttling"
        | "OperationTimeoutException"
        | "ResourceNotReadyException"
        | "InternalServiceException" => return None,
        "AccessDeniedException" | "AccessDenied" => NO_PERMISSION,
        "UnrecognizedClientException" | "InvalidSignatureException" | "InvalidClientTokenId" => {
            return Some(setup.wrong_keys());
        }
        "ExpiredTokenException" | "ExpiredToken" => return Some(setup.expired_keys()),
        "ResourceNumberLimitExceededException" => {
            "the account's limit of databases, tables or partitions is reached; remove old ones or have it raised"
        }
        "GlueEncryptionException" => {
            "the catalogue's KMS key could not be used; allow kms:Encrypt, kms:Decrypt and kms:GenerateDataKey on it"
        }
        "InvalidInputException" | "ValidationException" => {
            "Glue does not take the entry; its reason follows. Where it is about a partition key that an older table has otherwise, \
             remove that table from the catalogue (its data stays) and register again"
        }
        _ => match status {
            0 | 408 | 409 | 429 | 500.. => return None,
            401 | 403 => NO_PERMISSION,
            404 => {
                "the server knows no Glue; correct the endpoint (AWS_ENDPOINT_URL_GLUE, or its like in the profile) or the region"
            }
            _ => "Glue refused; its reason follows",
        },
    };
    Some(hint.to_owned())
}

fn in_words(error: &(dyn Error + 'static)) -> Said {
    Said(causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": "))
}
