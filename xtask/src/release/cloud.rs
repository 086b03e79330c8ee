//! What a release needs of AWS: aliases and versions, objects of the state's bucket, what starts functions. A port, so that tests can
//! have it fail where they like.

use anyhow::Result;
use serde_json::Value;

/// Where an alias points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) version: String,
    /// Changes with each update: an update by an older one is refused.
    pub(crate) revision: String,
}

/// An object and what its next conditional write has to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) body: String,
    pub(crate) etag: String,
}

/// When an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When<'a> {
    Always,
    /// There is none.
    New,
    /// It is still this one, by its etag.
    Still(&'a str),
}

pub(crate) trait Cloud: Sync {
    /// Who does it, as an ARN.
    fn caller(&self) -> Result<String>;

    /// Seconds since 1970.
    fn now(&self) -> u64;

    /// The function's alias `live`; `None` where there is no such function or alias.
    fn alias(&self, function: &str) -> Result<Option<Alias>>;

    /// Points `live` at a version, where the alias is still at `revision`.
    fn point(&self, function: &str, version: &str, revision: &str) -> Result<()>;

    /// Invokes a function, `name:qualifier`, and answers its payload.
    fn invoke(&self, function: &str, event: &str) -> Result<Value>;

    /// The numbers of a function's versions.
    fn versions(&self, function: &str) -> Result<Vec<u64>>;

    fn remove_version(&self, function: &str, version: u64) -> Result<()>;

    fn get(&self, key: &str) -> Result<Option<Object>>;

    /// Writes an object; answers its etag, `None` where the condition did not hold.
    fn put(&self, key: &str, body: &str, when: When<'_>) -> Result<Option<String>>;

    /// Keys that begin so, in their order.
    fn list(&self, prefix: &str) -> Result<Vec<String>>;

    /// Has a mapping run or not; answers whether that is a change.
    fn set_mapping(&self, uuid: &str, enabled: bool) -> Result<bool>;

    /// Has the clock run; answers whether that is a change.
    fn enable_schedule(&self, name: &str) -> Result<bool>;
}
