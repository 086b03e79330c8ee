//! The headers of a dead letter.

/// The headers of a dead letter's failure context, in their order.
pub const FAILURE_HEADERS: [&str; 8] = [
    "error-kind",
    "error-message",
    "source-topic",
    "source-partition",
    "source-offset",
    "source-timestamp",
    "failed-at",
    "attempts",
];

/// The header of a letter that travels without its value: the value's size in bytes.
pub const VALUE_OMITTED: &str = "value-omitted";

/// The header of a letter that travels without its record's own headers: their size in bytes.
pub const HEADERS_OMITTED: &str = "headers-omitted";

/// The header of a letter that travels without its key: the key's size in bytes.
pub const KEY_OMITTED: &str = "key-omitted";

/// The header of a record that was sent back from its dead letter: where that lies, `<queue>/<partition>/<offset>`, or of one in the lake
/// `<queue>/<generation>/<partition>/<offset>`.
pub const REPLAYED_FROM: &str = "replayed-from";

/// Whether a header is of the letter itself, and not of the record that failed.
pub fn is_of_letter(header: &str) -> bool {
    FAILURE_HEADERS.contains(&header) || [VALUE_OMITTED, HEADERS_OMITTED, KEY_OMITTED].contains(&header)
}
