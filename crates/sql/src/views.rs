//! Tables as queries see them: raw rows by their source position once, the newest day, and what held of each user when.
//! Snowflake has the same views (sql/021, sql/022).

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::provider_as_source;
use datafusion::functions_window::expr_fn::{lead, row_number};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType, col,
    ident, lit,
};
use datafusion::physical_plan::ExecutionPlan;
use millrace_lake::Store;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_lake::layout::Layer;
use millrace_tables::table_catalogue::{SOURCE_POSITION, View};

use crate::erased::is_kept;
use crate::lake::LakeTable;
use crate::overlap::overlaps;
use crate::scan::{Objects, RANK};

/// The rows without those of persons whose erasure is under way.
pub(crate) fn without_erased(
    rows: Arc<dyn TableProvider>,
    data_subject: &str,
    refused: &Arc<RefusedIds>,
) -> Result<Arc<dyn TableProvider>> {
    let kind = rows.table_type();
    let scan = LogicalPlanBuilder::scan("rows", provider_as_source(rows), None)?;
    Ok(view(scan.filter(is_kept(data_subject, refused))?.build()?, kind))
}

/// The rows as the table's files have them.
pub(crate) fn stored(table: &LakeTable, store: &Arc<dyn Store>) -> Arc<dyn TableProvider> {
    Arc::new(Objects::of(table, store))
}

/// The table; of a raw one each source position once.
pub(crate) fn table(table: &LakeTable, store: &Arc<dyn Store>) -> Result<Arc<dyn TableProvider>> {
    if table.layer != Layer::Raw {
        return Ok(stored(table, store));
    }
    let found = overlaps(&table.files);
    if found.groups.is_empty() {
        return Ok(stored(table, store));
    }
    // Only objects that may share positions are compared: the others are read as they are.
    let shared = found.groups.into_iter().flatten().cloned().collect();
    let columns: Vec<Expr> = names(table).collect();
    let first = row_number()
        .partition_by(SOURCE_POSITION.map(col).to_vec())
        .order_by(vec![col(RANK).sort(true, false)])
        .build()?
        .alias(RANK_OF_POSITION);
    let rows = scan(Arc::new(Objects::ranked(table, shared, store)))?
        .window(vec![first])?
        .filter(col(RANK_OF_POSITION).eq(lit(1_u64)))?
        .project(columns.clone())?;
    let rows = if found.disjoint.is_empty() {
        rows
    } else {
        let disjoint = found.disjoint.into_iter().cloned().collect();
        let disjoint = scan(Arc::new(Objects::only(table, disjoint, store)))?.project(columns)?;
        disjoint.union(rows.build()?)?
    };
    Ok(view(rows.build()?, TableType::Base))
}

const RANK_OF_POSITION: &str = "_rank_of_position";
const VALID_TO: &str = "valid_to";

/// A view of the table.
pub(crate) fn view_of(
    table: &LakeTable,
    kind: View,
    store: &Arc<dyn Store>,
) -> Result<Arc<dyn TableProvider>> {
    if kind == View::Latest {
        return Ok(Arc::new(Objects::of(&table.of_newest_day(), store).into_view()));
    }
    let next = lead(col("processing_date"), Some(1), None)
        .partition_by(vec![col("user_id")])
        .order_by(vec![col("processing_date").sort(true, false)])
        .build()?
        .alias(VALID_TO);
    let versions = scan(Arc::new(Objects::of(table, store)))?.window(vec![next])?;
    let rows = match kind {
        View::Latest | View::Current => {
            versions.filter(col(VALID_TO).is_null())?.project(names(table).collect::<Vec<_>>())?
        }
        View::History => {
            let kept = names(table).filter(|column| *column != col("is_current"));
            let held = [
                col("processing_date").alias("valid_from"),
                col(VALID_TO),
                col(VALID_TO).is_null().alias("is_current"),
            ];
            versions.project(kept.chain(held).collect::<Vec<_>>())?
        }
    };
    Ok(view(rows.build()?, TableType::View))
}

fn names(table: &LakeTable) -> impl Iterator<Item = Expr> + '_ {
    table.schema.fields().iter().map(|field| ident(field.name().as_str()))
}

fn scan(objects: Arc<Objects>) -> Result<LogicalPlanBuilder> {
    LogicalPlanBuilder::scan("objects", provider_as_source(objects), None)
}

fn view(plan: LogicalPlan, kind: TableType) -> Arc<dyn TableProvider> {
    let schema = Arc::new(plan.schema().as_arrow().clone());
    Arc::new(Derived { plan, schema, kind })
}

/// Rows that a plan makes of objects.
#[derive(Debug)]
struct Derived {
    plan: LogicalPlan,
    schema: SchemaRef,
    kind: TableType,
}

#[async_trait]
impl TableProvider for Derived {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        self.kind
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The planner puts the plan in its place; whoever scans it as it is gets the same rows.
        let mut rows = LogicalPlanBuilder::from(self.plan.clone());
        if let Some(kept) = projection {
            rows = rows.select(kept.iter().copied())?;
        }
        state.create_physical_plan(&rows.limit(0, limit)?.build()?).await
    }
}
