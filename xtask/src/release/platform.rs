//! What Terraform tells of an environment that was applied, as far as a release needs it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// A function or job and the version that was applied last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// An event source mapping, and whether it is to run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Mapping {
    pub(crate) uuid: String,
    pub(crate) enabled: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    /// By their short names.
    pub(crate) functions: BTreeMap<String, Function>,
    /// By their topics.
    pub(crate) mappings: BTreeMap<String, Mapping>,
    pub(crate) schedules: Vec<String>,
}

impl Platform {
    /// Reads the output `platform`.
    pub(crate) fn of(told: &Value) -> Result<Self> {
        let mut functions = BTreeMap::new();
        for (function, told) in told["functions"].as_object().context("terraform tells of no functions")? {
            let name = told["function_name"].as_str().with_context(|| format!("{function} has no name"))?;
            // Terraform has numbers where it may.
            let version = told["version"].as_str().map_or_else(|| told["version"].to_string(), str::to_owned);
            ensure!(version.parse::<u64>().is_ok(), "{function} has no published version: {version}");
            functions.insert(function.clone(), Function { name: name.to_owned(), version });
        }
        ensure!(!functions.is_empty(), "terraform tells of no functions");
        let starts = &told["starts"];
        let mappings = serde_json::from_value(starts["mappings"].clone()).context("starts.mappings")?;
        let schedules = serde_json::from_value(starts["schedules"].clone()).context("starts.schedules")?;
        Ok(Self { functions, mappings, schedules })
    }

    /// The versions that were applied last.
    pub(crate) fn candidates(&self) -> Vec<(String, String)> {
        let invoked = |it: &Function| format!("{}:{}", it.name, it.version);
        self.functions.iter().map(|(function, it)| (function.clone(), invoked(it))).collect()
    }

    /// What the aliases point at.
    pub(crate) fn live(&self) -> Vec<(String, String)> {
        self.functions.iter().map(|(function, it)| (function.clone(), format!("{}:live", it.name))).collect()
    }

    pub(crate) fn names(&self) -> BTreeMap<String, String> {
        self.functions.iter().map(|(function, it)| (function.clone(), it.name.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_lacks_a_name_or_a_version_is_told() {
        let starts = json!({"mappings": {"t": {"uuid": "u", "enabled": true}}, "schedules": ["s"]});
        let of = |functions: Value| Platform::of(&json!({"functions": functions, "starts": starts}));
        let platform = of(json!({"a": {"function_name": "m-a", "version": "3"}})).unwrap();
        assert_eq!(platform.candidates(), [("a".to_owned(), "m-a:3".to_owned())]);
        assert_eq!((platform.mappings["t"].enabled, platform.schedules.len()), (true, 1));
        assert!(of(json!({"a": {"version": "3"}})).unwrap_err().to_string().contains("a has no name"));
        let unpublished = of(json!({"a": {"function_name": "m-a", "version": "$LATEST"}}));
        assert!(unpublished.unwrap_err().to_string().contains("$LATEST"));
        assert!(of(json!({})).is_err());
        assert!(Platform::of(&json!({"functions": {"a": {"function_name": "m-a", "version": 3}}})).is_err());
    }
}
