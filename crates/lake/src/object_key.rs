//! The name of an object in the lake.

use std::fmt;

/// A relative path of `/`-separated parts; no part is empty, `.` or `..`, or begins with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// A text that cannot be a [`Key`].
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no object key: {reason}")]
pub struct BadKey {
    text: String,
    reason: &'static str,
}

impl Key {
    /// `text` as it is, where it keeps the rules of a key.
    ///
    /// # Errors
    /// A part is empty or begins with a dot, or there is a backslash or a NUL.
    pub fn new(text: impl Into<String>) -> Result<Self, BadKey> {
        let text = text.into();
        let reason = if text.is_empty() {
            "it is empty"
        } else if text.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
            "a part is empty or begins with a dot"
        } else if text.contains(['\\', '\0']) {
            "it contains a backslash or a NUL"
        } else {
            return Ok(Self(text));
        };
        Err(BadKey { text, reason })
    }

    /// The path, relative to the lake's root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last `/`.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
