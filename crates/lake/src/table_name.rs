//! Which texts name a table.

/// Whether `text` can name a table: `[a-z0-9_]+`.
pub(crate) fn is_table(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
