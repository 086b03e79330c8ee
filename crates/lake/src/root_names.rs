//! What lies at a lake's root, by name. Nothing else here or above names it: Terraform grants rights on it by infra/lake.json, which is
//! made of [`PLACES`].

use millrace_events::layer::Layer;

/// As landed.
pub const RAW: &str = Layer::Raw.as_str();
/// Cleaned rows.
pub const CURATED: &str = Layer::Curated.as_str();
/// Counts.
pub const ANALYTICS: &str = Layer::Analytics.as_str();
/// Series.
pub const TIMESERIES: &str = Layer::Timeseries.as_str();
/// Iceberg tables: data files and metadata.
pub const ICEBERG: &str = "iceberg";
/// The records of jobs' runs.
pub const RUNS: &str = "_runs";
/// What jobs keep to be quicker; they make it anew.
pub const STATE: &str = "_state";
/// The dead letters that were taken off their queues.
pub const DEAD_LETTERS: &str = "_dead_letters";
/// The marks of removals, whoever compacts or erases.
pub const REMOVAL_MARKS: &str = "_compactions";
/// Who was erased, and erasures that are not done.
pub const ERASURES: &str = "_erasures";
/// The marks of erased persons, a folder of [`ERASURES`].
pub const ERASED_IDS: &str = "_erasures/erased/";
/// What the marks are salted with.
pub const ERASURE_SALT: &str = "_erasures/salt.json";
/// Erasures that have begun, a folder of [`ERASURES`].
pub const UNFINISHED_ERASURES: &str = "_erasures/unfinished/";
/// The claims of topics' offsets.
pub const CLAIMS: &str = "_lives";
/// The locks' names begin with it. What is at the root is [`LEASES`]: a lock is no object of its name.
pub const LOCKS: &str = "_locks";
/// The locks' files or objects, which no key can name.
pub const LEASES: &str = ".locks";
/// What says that this is a lake, a file.
pub const LAKE_FILE: &str = "_lake.json";
/// How the folder of a probe begins.
pub const PROBE: &str = "_lake_probe-";

/// Each with what it is called where rights are granted.
pub const PLACES: [(&str, &str); 14] = [
    ("raw", RAW),
    ("curated", CURATED),
    ("analytics", ANALYTICS),
    ("timeseries", TIMESERIES),
    ("iceberg", ICEBERG),
    ("runs", RUNS),
    ("state", STATE),
    ("dead_letters", DEAD_LETTERS),
    ("removal_marks", REMOVAL_MARKS),
    ("erasures", ERASURES),
    ("claims", CLAIMS),
    ("locks", LEASES),
    ("lake_file", LAKE_FILE),
    ("probe", PROBE),
];
