//! What S3's refusals mean for the caller, and what a person can do about them.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::key::Key;
use crate::store::StoreError;

/// What a service or the way to it said, in words that may be shown: neither requests nor headers, which name keys of accounts.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Said(pub String);

/// A request that failed: where, doing what, with what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempted<'a> {
    pub(super) store: &'a str,
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

impl Attempted<'_> {
    /// The store's error for S3's.
    pub(super) fn refused<E>(self, error: &SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let said = Said(in_words(error));
        match error {
            SdkError::ServiceError(_) => match hint(error) {
                Some(hint) => self.stop(hint, said),
                None => self.retry(said),
            },
            _ if is_about_credentials(error) => self.stop(NO_CREDENTIALS, said),
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

pub const NO_CREDENTIALS: &str = "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the \
     function or machine a role";

/// What to do about an answer of S3. `None`: try again later.
fn hint<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&'static str> {
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
            "there is no such bucket; create it, or correct the lake's address or AWS_ENDPOINT_URL"
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "InvalidSecurity" => {
            "the credentials are wrong; correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose another AWS_PROFILE"
        }
        "ExpiredToken" | "TokenRefreshRequired" => "the credentials have expired; renew them",
        "RequestTimeTooSkewed" => "this machine's clock is wrong by more than 15 minutes; set it",
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            "the bucket is in another region; set AWS_REGION to the bucket's"
        }
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => NO_PERMISSION,
        "InvalidBucketName" => "S3 does not take this bucket's name; correct the lake's address",
        "EntityTooLarge" => {
            "the object is larger than S3 takes in one request; lower the settings' part_bytes"
        }
        "KMS.DisabledException" | "KMS.NotFoundException" | "KMS.KMSInvalidStateException" => {
            "the bucket's key is disabled or gone; enable it in KMS or give the bucket another"
        }
        _ => match status(error) {
            Some(429 | 408 | 409 | 500..) | None => return None,
            Some(401 | 403) => NO_PERMISSION,
            Some(301 | 307) => "the bucket is in another region; set AWS_REGION to the bucket's",
            Some(404) => "the endpoint knows no such bucket; correct the lake's address or AWS_ENDPOINT_URL",
            Some(_) => "S3 refused; its reason follows",
        },
    };
    Some(hint)
}

const NO_PERMISSION: &str = "permission denied; allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the \
     lake's objects, s3:ListBucket and s3:ListBucketMultipartUploads on its bucket, and the use of its KMS key if it has one";

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

pub fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<CredentialsError>())
}

/// `error` and what it came from.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}
