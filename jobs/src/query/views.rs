//! The views of the slowly changing dimension: what holds of each user now, and what held when.

use polars::prelude::{Expr, LazyFrame, SchemaRef, SortMultipleOptions, col, lit};

/// The table that the views are of: each partition holds the versions that are new on its day.
pub(super) const DIMENSION: &str = "dim_user_demographics";

/// A view that queries name like a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Each user's latest version, all columns.
    Current,
    /// Every version: valid_from its processing_date, valid_to that of the next, exclusive, null for the latest, for which
    /// is_current is true.
    History,
}

impl View {
    pub(super) const ALL: [Self; 2] = [Self::Current, Self::History];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Current => "dim_user_demographics_current",
            Self::History => "dim_user_demographics_history",
        }
    }

    /// The view over the rows of [`DIMENSION`], whose columns are `schema`'s.
    pub(super) fn over(self, versions: LazyFrame, schema: &SchemaRef) -> LazyFrame {
        let kept: Vec<Expr> = schema.iter_names().map(|name| col(name.clone())).collect();
        // A window over each user, not a shift over all rows: what the query asks of the view may not be asked of the
        // versions before their successors are known.
        let next = col("processing_date").shift(lit(-1)).over([col("user_id")]);
        let versions = versions
            .sort(["user_id", "processing_date"], SortMultipleOptions::new())
            .with_column(next.alias("valid_to"));
        match self {
            Self::Current => versions.filter(col("valid_to").is_null()).select(kept),
            Self::History => {
                let kept = schema.iter_names().filter(|name| name.as_str() != "is_current");
                let mut columns: Vec<Expr> = kept.map(|name| col(name.clone())).collect();
                columns.push(col("processing_date").alias("valid_from"));
                columns.push(col("valid_to"));
                columns.push(col("valid_to").is_null().alias("is_current"));
                versions.select(columns)
            }
        }
    }
}
