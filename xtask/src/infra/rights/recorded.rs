//! Files of calls that were seen, such as infra/calls.json.

use anyhow::Context;
use serde::de::DeserializeOwned;

use crate::workspace;

/// What such a file holds, its path from the workspace's root.
pub(super) fn recorded<T: DeserializeOwned>(file: &str) -> anyhow::Result<T> {
    let path = workspace::root().join(file);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not understood", path.display()))
}
