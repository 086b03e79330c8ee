//! The layers of the lake, of which tables' places and names are made.

use std::fmt;

use serde::Serialize;

/// A layer of the lake: the first part of its tables' paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// As landed, append-only, one row a record; objects may overlap. Partitions are hours.
    Raw,
    /// Cleaned rows, a file a day; so for the next ones.
    Curated,
    /// What analytics-aggregation counts.
    Analytics,
    /// What time-series-analysis makes.
    Timeseries,
}

impl Layer {
    /// In the order in which rows pass through them.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Curated, Self::Analytics, Self::Timeseries];

    /// Those whose tables jobs make, a partition a day.
    pub const OF_JOBS: [Self; 3] = [Self::Curated, Self::Analytics, Self::Timeseries];

    /// The folder at the lake's root that holds the layer's tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Curated => "curated",
            Self::Analytics => "analytics",
            Self::Timeseries => "timeseries",
        }
    }

    /// The name queries use for the table in `folder` of this layer: `raw/users` is `raw_users`, the others are
    /// called as their folder.
    pub fn table_name(self, folder: &str) -> String {
        match self {
            Self::Raw => format!("raw_{folder}"),
            _ => folder.to_owned(),
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
