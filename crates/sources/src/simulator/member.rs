//! Where a member stands in a user's JSON: enough of a reader for the one form and order in which users are written here.

/// Where a member stands in a user's JSON, as indexes of bytes.
pub(super) struct Member {
    pub(super) key: usize,
    pub(super) value: usize,
    pub(super) end: usize,
}

impl Member {
    /// Finds a path's member by finding its keys one behind another.
    pub(super) fn find(user: &[u8], path: &str) -> Self {
        let mut member = Self { key: 0, value: 0, end: user.len() };
        for key in path.trim_start_matches("$.").split('.') {
            let quoted = format!("\"{key}\":");
            let rest = &user[member.value..];
            let found = rest.windows(quoted.len()).position(|window| window == quoted.as_bytes());
            member.key = member.value + found.unwrap_or(rest.len());
            member.value = (member.key + quoted.len()).min(user.len());
        }
        member.end = member.value + value_length(&user[member.value..]);
        member
    }
}

/// The length of the JSON value at the start of `json`, which has no white space and no escapes.
fn value_length(json: &[u8]) -> usize {
    let (mut depth, mut in_text) = (0_usize, false);
    for (index, byte) in json.iter().enumerate() {
        match byte {
            b'"' => in_text = !in_text,
            _ if in_text => continue,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b'}' | b']' | b',' if depth == 0 => return index,
            _ => continue,
        }
        if depth == 0 && !in_text {
            return index + 1;
        }
    }
    json.len()
}
