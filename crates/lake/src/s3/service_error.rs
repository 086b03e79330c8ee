//! What S3's refusals mean for the caller, and what a person can do about them.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::aws_hints::Setup;
use crate::object_key::Key;
use crate::store::StoreError;

/// What a service or the way to it said, in words that may be shown: neither requests nor headers, which name keys of accounts.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Said(pub String);

/// A request that failed: where, doing what, with what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempted<'a> {
    pub(super) store: &'a str,
    pub(super) setup: &'a Setup,
    pub(super) action: &'static str,
    pub(super) key: &'a str,
}

/// The code of "this object is not as you said", for conditional writes.
pub(super) fn is_precondition<E>(error: &SdkError<E>) -> bool {
    status(error) == Some(412)
}

/// Whether the object is not there; a missing bucket is another matter.
pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    status(error) == Some(404) && !matches!(error.code(), Some("NoSuchBucket" | "NoSuchUpload"))
}

/// Whether the server lacks what it was asked for.
pub(super) fn is_not_implemented<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some("NotImplemented") || status(error) == Some(501)
}

impl Attempted<'_> {
    /// The store's error for S3's.
    pub(super) fn refused<E>(self, error: &SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let said = Said(in_words(error));
        match error {
            SdkError::ServiceError(_) => match hint(error, self.setup) {
                Some(hint) => self.stop(&hint, said),
                None => self.retry(said),
            },
            _ if is_about_credentials(error) => self.stop(&self.setup.without_keys(), said),
            SdkError::ConstructionFailure(_) => {
                self.stop("the request could not be made; its reason follows", said)
            }
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                self.stop("the request could not be sent; its reason follows", said)
            }
            // No answer, or half of one.
            _ => self.retry(said),
        }
    }

    /// [`StoreError::NotFound`] where there is no object, else [`Attempted::refused`].
    pub(super) fn not_found<E>(self, key: &Key, error: &SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if is_absent(error) {
            StoreError::NotFound { store: self.store.to_owned(), key: key.clone() }
        } else {
            self.refused(error)
        }
    }

    pub(super) fn retry(self, said: Said) -> StoreError {
        StoreError::Retry {
            store: self.store.to_owned(),
            action: self.action,
            key: self.key.to_owned(),
            source: Box::new(said),
        }
    }

    pub(super) fn stop(self, hint: &str, said: Said) -> StoreError {
        StoreError::Stop {
            store: self.store.to_owned(),
            action: self.action,
            key: self.key.to_owned(),
            hint: hint.to_owned(),
            source: std::io::Error::other(said),
        }
    }
}

/// What to do about an answer of S3. `None`: try again later.
fn hint<E: ProvideErrorMetadata>(error: &SdkError<E>, setup: &Setup) -> Option<String> {
    let region = || {
        let told = error.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
        Some(setup.wrong_region(told))
    };
    let hint = match error.code().unwrap_or_default() {
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "RequestTimeout"
        | "ServiceUnavailable"
        | "InternalError"
        | "OperationAborted"
        | "ConditionalRequestConflict" => {
            return None;
        }
        // It was aborted meanwhile: begun again it may go through.
        "NoSuchUpload" => return None,
        "NoSuchBucket" => {
            let endpoint = setup.or_endpoint();
            return Some(format!(
                "there is no such bucket; create it, or correct the lake's address{endpoint}"
            ));
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "InvalidSecurity" => {
            return Some(setup.wrong_keys());
        }
        "ExpiredToken" | "TokenRefreshRequired" => return Some(setup.expired_keys()),
        "RequestTimeTooSkewed" => "this machine's clock is wrong by more than 15 minutes; set it",
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            return region();
        }
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => NO_PERMISSION,
        "InvalidBucketName" => "S3 does not take this bucket's name; correct the lake's address",
        "EntityTooLarge" => {
            "the object is larger than S3 takes in one request; lower the settings' part_bytes"
        }
        "KMS.DisabledException" | "KMS.NotFoundException" | "KMS.KMSInvalidStateException" => {
            "the bucket's key is disabled or gone; enable it in KMS or give the bucket another"
        }
        "NotImplemented" => NOT_IMPLEMENTED,
        _ => match status(error) {
            Some(501) => NOT_IMPLEMENTED,
            Some(429 | 408 | 409 | 500..) | None => return None,
            Some(401 | 403) => NO_PERMISSION,
            Some(301 | 307) => return region(),
            Some(404) => {
                let endpoint = setup.or_endpoint();
                return Some(format!(
                    "the server knows no such bucket; correct the lake's address{endpoint}"
                ));
            }
            Some(_) => "S3 refused; its reason follows",
        },
    };
    Some(hint.to_owned())
}

/// Nothing mends this but another server: it is told at once, and never tried again.
const NOT_IMPLEMENTED: &str = "the server has not implemented this request of S3's, which a lake needs; choose a store that has \
     conditional writes (If-None-Match and If-Match) and uploads in parts";

const NO_PERMISSION: &str = "permission denied; allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the \
     lake's objects, s3:ListBucket and s3:ListBucketMultipartUploads on its bucket, and the use of its KMS key if it has one; an erasure wants \
     s3:ListBucketVersions and s3:DeleteObjectVersion too";

/// The HTTP status of the answer; `None` where no answer came.
pub fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

fn in_words<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let (SdkError::ServiceError(_), Some(response)) = (error, error.raw_response()) {
        let mut words = format!("S3 answered {}", response.status().as_u16());
        for (before, part) in [(" ", error.code()), (": ", error.message())] {
            if let Some(part) = part {
                words.push_str(before);
                words.push_str(part);
            }
        }
        for (name, header) in
            [("the bucket's region is", "x-amz-bucket-region"), ("request", "x-amz-request-id")]
        {
            if let Some(value) = response.headers().get(header) {
                words.push_str(&format!(" ({name} {value})"));
            }
        }
        return words;
    }
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether keys could not be found, fetched or renewed: nothing was sent then.
pub fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<CredentialsError>())
}

/// `error` and what it came from.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}
