//! What a file system's error means for the caller, and what a person can do about it.

use std::io::{Error, ErrorKind};

use crate::store::StoreError;

/// Turns the file system's `error` into the store's, with a hint that says what to do.
pub(crate) fn classify(store: &str, action: &'static str, key: &str, error: Error) -> StoreError {
    let hint = match error.kind() {
        ErrorKind::Interrupted | ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::ResourceBusy => {
            return StoreError::Retry {
                store: store.to_owned(),
                action,
                key: key.to_owned(),
                source: Box::new(error),
            };
        }
        ErrorKind::StorageFull => "the disk is full; free some space or choose a lake on another disk",
        ErrorKind::QuotaExceeded => "the disk quota is used up; free some space or have the quota raised",
        ErrorKind::FileTooLarge => "the file is larger than the file system or the limit (ulimit -f) allows",
        ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; remount it writable or choose another folder for the lake"
        }
        ErrorKind::PermissionDenied => {
            "permission denied; give this user read and write access to the folder or choose another"
        }
        ErrorKind::NotADirectory => {
            "a part of the path is a file, not a folder; move that file away or choose another folder for the lake"
        }
        ErrorKind::IsADirectory => "a folder of this name is in the way; move it away",
        ErrorKind::InvalidFilename => "the file system does not take this file name; it may be too long",
        ErrorKind::NotFound => "its folder went away meanwhile; start the run again",
        _ => "the file system refused; its reason follows",
    };
    StoreError::Stop {
        store: store.to_owned(),
        action,
        key: key.to_owned(),
        hint: hint.to_owned(),
        source: error,
    }
}

#[cfg(test)]
mod tests {
    use millrace_events::failure::{Class, Classified};

    use super::*;

    #[test]
    fn a_full_disk_stops_and_says_what_to_do() {
        let error = classify("/lake", "write", "raw/a", Error::from(ErrorKind::StorageFull));
        assert_eq!(error.class(), Class::Stop);
        assert_eq!(
            error.to_string(),
            "could not write raw/a in /lake: the disk is full; free some space or choose a lake on another disk"
        );
    }

    #[test]
    fn a_busy_file_is_worth_another_try() {
        let error = classify("/lake", "write", "raw/a", Error::from(ErrorKind::ResourceBusy));
        assert_eq!(error.class(), Class::Retry);
    }
}
