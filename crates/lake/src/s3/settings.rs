//! What a store on S3 can be told.

use std::fmt;
use std::time::Duration;

use super::address::S3Address;

const MIB: usize = 1 << 20;

/// The settings of a [`super::S3Store`]. [`S3Settings::new`] has values for real S3; what is `None` is found as AWS's own
/// tools find it: environment, profile files, the roles of Lambda, ECS and EC2.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// Where the lake is.
    pub address: S3Address,
    /// The bucket's region, such as `eu-central-1`.
    pub region: Option<String>,
    /// Another server than AWS's, such as `http://127.0.0.1:4566`. Buckets are then addressed by path, as with the
    /// variable AWS_ENDPOINT_URL.
    pub endpoint: Option<String>,
    /// Fixed keys; those of a session are not renewed.
    pub credentials: Option<S3Credentials>,
    /// Bytes of a part: an object that is larger is uploaded in parts of this size, and each open writer holds up to
    /// one in memory. At least 5 MiB, which S3 demands; an object has at most 9,999 parts.
    pub part_bytes: usize,
    /// Bytes that the server copies in one request: an object that is larger is copied in parts of this size. From 5 MiB to 5 GiB, as S3
    /// demands.
    pub copy_bytes: u64,
    /// How long one try of a request may take. It has to cover the upload of a part, and the server's copy
    /// of `copy_bytes`.
    pub attempt: Duration,
    /// How long a request may take in all, its tries and the waits between them included.
    pub deadline: Duration,
    /// The first wait between two tries at most; it doubles from try to try, up to 20 s.
    pub backoff: Duration,
    /// How long a lock outlives a holder that died. It is renewed at each third of this.
    pub lease: Duration,
    /// An upload in parts whose writer gave no sign of life for so long is of the dead.
    pub abandoned_after: Duration,
}

impl S3Settings {
    /// Values for real S3: parts of 16 MiB, copies in parts of 512 MiB, up to 120 s a request, leases of 30 s; region and keys as AWS's tools find them.
    pub fn new(address: S3Address) -> Self {
        Self {
            address,
            region: None,
            endpoint: None,
            credentials: None,
            part_bytes: 16 * MIB,
            copy_bytes: 512 * MIB as u64,
            attempt: Duration::from_secs(45),
            deadline: Duration::from_secs(120),
            backoff: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            abandoned_after: Duration::from_secs(24 * 60 * 60),
        }
    }

    /// What no store can work with, in words.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.part_bytes < 5 * MIB {
            Some("part_bytes is below 5 MiB, which S3 refuses; raise it")
        } else if !(5 * MIB as u64..=5 << 30).contains(&self.copy_bytes) {
            Some("copy_bytes is not between 5 MiB and 5 GiB, which S3 demands; correct it")
        } else if self.lease < Duration::from_secs(3) {
            // Times of S3 are in whole seconds.
            Some("lease is below 3 s, which locks cannot be timed by; raise it")
        } else if self.deadline.is_zero() || self.attempt.is_zero() || self.backoff.is_zero() {
            Some("deadline, attempt or backoff is zero; raise it")
        } else if self.abandoned_after < Duration::from_secs(4) {
            Some("abandoned_after is below 4 s, which the sweep cannot tell the dead by; raise it")
        } else {
            None
        }
    }
}

/// Keys of an account, shown to nobody.
#[derive(Clone)]
pub struct S3Credentials {
    /// As the variable AWS_ACCESS_KEY_ID.
    pub access_key_id: String,
    /// As the variable AWS_SECRET_ACCESS_KEY.
    pub secret_access_key: String,
    /// As the variable AWS_SESSION_TOKEN; `None` for a user's own keys.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("S3Credentials(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut settings = S3Settings::new("s3://lake".parse().unwrap());
        settings.credentials = Some(S3Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "hush".into(),
            session_token: Some("hush-token".into()),
        });
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hush") && !shown.contains("AKID"), "{shown}");
    }

    #[test]
    fn settings_that_cannot_work_are_told() {
        let settings = S3Settings::new("s3://lake".parse().unwrap());
        assert_eq!(settings.fault(), None);
        assert!(S3Settings { part_bytes: 1, ..settings.clone() }.fault().unwrap().contains("part_bytes"));
        assert!(
            S3Settings { copy_bytes: 6 << 30, ..settings.clone() }.fault().unwrap().contains("copy_bytes")
        );
        assert!(S3Settings { lease: Duration::ZERO, ..settings }.fault().unwrap().contains("lease"));
    }
}
