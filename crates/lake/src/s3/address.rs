//! Where a lake on S3 lives.

use std::fmt;
use std::str::FromStr;

use crate::object_key::Key;

/// How an address on S3 begins.
const SCHEME: &str = "s3://";

/// `s3://<bucket>` or `s3://<bucket>/<prefix>`: every object of the lake is in the bucket, its name below the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Address {
    bucket: String,
    prefix: Option<Key>,
}

/// A text that is no [`S3Address`].
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no address on S3: {reason}; write s3://<bucket> or s3://<bucket>/<prefix>")]
pub struct BadAddress {
    text: String,
    reason: &'static str,
}

impl S3Address {
    /// The bucket's name alone.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The name of `path`, which is relative to the lake, within the bucket.
    pub(super) fn name(&self, path: &str) -> String {
        match &self.prefix {
            None => path.to_owned(),
            Some(prefix) => format!("{prefix}/{path}"),
        }
    }

    /// The key of the object `name` of the bucket. `None`: it is none of the lake's.
    pub(super) fn key(&self, name: &str) -> Option<Key> {
        let path = match &self.prefix {
            None => name,
            Some(prefix) => name.strip_prefix(prefix.as_str())?.strip_prefix('/')?,
        };
        Key::new(path).ok()
    }
}

impl FromStr for S3Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        // What stands before an @ may be a password.
        let shown = text.rsplit_once('@').map_or(text.to_owned(), |(_, rest)| format!("...@{rest}"));
        let bad = |reason| BadAddress { text: shown.clone(), reason };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| bad("it does not begin with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket(bucket).map_err(bad)?;
        // A slash at the end is how people write folders.
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let prefix = match prefix {
            "" => None,
            // A name may have 1,024 bytes, and the lake's own keys have to fit behind the prefix.
            long if long.len() > 512 => return Err(bad("its prefix is longer than 512 bytes")),
            prefix => Some(
                Key::new(prefix).map_err(|_| bad("a part of its prefix is empty or begins with a dot"))?,
            ),
        };
        Ok(Self { bucket: bucket.to_owned(), prefix })
    }
}

/// S3's own rules for names of buckets, as far as they keep a typing mistake from becoming a refused request.
fn check_bucket(bucket: &str) -> Result<(), &'static str> {
    let ends_well =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if bucket.is_empty() {
        Err("it names no bucket")
    } else if !(3..=63).contains(&bucket.len()) {
        Err("a bucket's name has 3 to 63 characters")
    } else if !bucket.bytes().all(|byte| ends_well(Some(byte)) || matches!(byte, b'-' | b'.')) {
        Err("a bucket's name has the characters a-z, 0-9, '-' and '.' only")
    } else if !ends_well(bucket.bytes().next()) || !ends_well(bucket.bytes().last()) {
        Err("a bucket's name begins and ends with a letter or a digit")
    } else {
        Ok(())
    }
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.bucket)?;
        self.prefix.as_ref().map_or(Ok(()), |prefix| write!(f, "/{prefix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_bucket_and_perhaps_a_prefix() {
        for (text, shown, name) in [
            ("s3://my-lake", "s3://my-lake", "raw/a"),
            ("s3://my-lake/", "s3://my-lake", "raw/a"),
            ("s3://my-lake/dev", "s3://my-lake/dev", "dev/raw/a"),
            ("s3://my-lake/dev/one/", "s3://my-lake/dev/one", "dev/one/raw/a"),
        ] {
            let address: S3Address = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.name("raw/a").as_str()), (shown, name));
            assert_eq!(address.key(name).unwrap().as_str(), "raw/a");
        }
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        for (text, reason) in [
            ("s3:/lake", "s3://"),
            ("s3://", "no bucket"),
            ("s3:///dev", "no bucket"),
            ("s3://My-Lake", "a-z"),
            ("s3://user:secret@lake", "a-z"),
            ("s3://lake?region=x", "a-z"),
            ("s3://-lake", "begins and ends"),
            ("s3://ab", "3 to 63"),
            ("s3://lake//a", "empty"),
            ("s3://lake/../a", "dot"),
        ] {
            let error = text.parse::<S3Address>().unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn names_of_others_are_no_keys() {
        let address: S3Address = "s3://lake/dev".parse().unwrap();
        for name in ["raw/a", "dev", "dev/", "devil/a", "dev/.locks/a", "dev/raw/"] {
            assert_eq!(address.key(name), None, "{name}");
        }
    }
}
