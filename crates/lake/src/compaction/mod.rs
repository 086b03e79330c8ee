//! Small raw objects into large ones, beside readers, landings and jobs.
//!
//! A large object is written, read back and compared before anything is removed, so at every moment each row is in some
//! object; while both are there their positions make them one row for whoever reads by source position. The order is:
//! large object visible, removal announced ([`crate::raw_listing`]), small ones removed. A large object names in its footer
//! ([`COMPACTED_FROM`](crate::raw_object_reader::COMPACTED_FROM)) what it replaces, so what a killed compaction left over is known and removed by the next.
//!
//! An object is never replaced in place: a reader may be in the middle of it.

mod merge;
mod order;
mod reading;
mod report;
mod selection;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use self::reading::Room;
use self::work::Work;
use crate::layout;
use crate::store::{ObjectMeta, Store};

pub use self::order::{ClosedHours, CompactionOrder, Hours, Limits};
pub use self::report::{CompactionError, CompactionReport, Extent, LeftAlone};
pub use self::selection::CompactionPolicy;

/// Objects dealt with, of those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionProgress {
    /// Done with so far, whatever came of them.
    pub objects: u64,
    /// All objects of the hours when the compaction began.
    pub of: u64,
}

/// The raw objects of a table's hours; whatever else lies below its folder is nobody's here to count. For whoever holds the table's
/// lock: nobody else removes objects meanwhile, so that a listing misses none.
async fn listed(store: &dyn Store, table: &str, hours: &Hours) -> Result<Vec<ObjectMeta>, CompactionError> {
    let mut objects = Vec::new();
    for prefix in hours.prefixes(table)? {
        objects.extend(store.list(&prefix).await?);
    }
    objects.retain(|object| layout::raw_table_of(&object.key) == Some(table) && hours.hold(&object.key));
    Ok(objects)
}

/// How many of these objects of a raw table `policy` would merge, by their names and sizes.
pub fn small_objects(objects: &[ObjectMeta], policy: &CompactionPolicy) -> u64 {
    let hours = selection::by_partition_hour(objects);
    let groups = hours.iter().flat_map(|hour| hour.groups(policy, &BTreeSet::new()));
    groups.map(|group| group.objects().count() as u64).sum()
}

/// How many objects of the order's hours its policy would merge, as names and sizes tell. It waits for nobody: beside a compaction
/// it is a figure and no promise.
pub async fn count_small(
    store: &dyn Store,
    table: &str,
    order: &CompactionOrder,
) -> Result<u64, CompactionError> {
    Ok(small_objects(&listed(store, table, &order.hours).await?, &order.policy))
}

/// What the compaction of `raw/<table>` would do now, as names and sizes tell. What cannot be merged shows only when it
/// is read.
pub async fn plan(
    store: &dyn Store,
    table: &str,
    order: &CompactionOrder,
) -> Result<CompactionReport, CompactionError> {
    let _lock = store.lock(&layout::raw_lock(table)?).await?;
    let objects = listed(store, table, &order.hours).await?;
    let before = Extent::of(&objects);
    let mut report = CompactionReport { before, after: before, ..CompactionReport::default() };
    for hour in selection::by_partition_hour(&objects) {
        for group in hour.groups(&order.policy, &BTreeSet::new()) {
            report.written += 1;
            report.removed += group.objects().count() as u64;
        }
    }
    report.small = report.removed;
    report.after.objects = before.objects + report.written - report.removed;
    Ok(report)
}

/// Compacts `raw/<table>`, whose rows are by `schema`, as far as its order says.
///
/// Safe beside readers, landings and jobs, and after a kill at any moment; of compactions and erasures of one table one
/// works at a time. Memory: what the order's limits say, and a row group of the object that is written. Dropping the future ends the
/// work between two steps.
pub async fn compact(
    store: Arc<dyn Store>,
    table: &str,
    schema: SchemaRef,
    order: &CompactionOrder,
    progress: &(dyn Fn(CompactionProgress) + Send + Sync),
) -> Result<CompactionReport, CompactionError> {
    let _lock = store.lock(&layout::raw_lock(table)?).await?;
    let objects = listed(store.as_ref(), table, &order.hours).await?;
    let mut report = CompactionReport { before: Extent::of(&objects), ..CompactionReport::default() };
    let of = objects.len() as u64;
    let mut done = 0;
    let room = Room::of(&order.limits);
    let (policy, limits) = (&order.policy, &order.limits);
    'hours: for mut hour in selection::by_partition_hour(&objects) {
        let held = hour.objects.len() as u64;
        let mut work =
            Work { store: &store, table, schema: &schema, limits, room: &room, report: &mut report };
        if !work.remove_leftovers(&mut hour).await? {
            break;
        }
        // What was written or cannot be merged is not looked at again.
        let mut settled = BTreeSet::new();
        while let Some(group) = hour.groups(policy, &settled).into_iter().next() {
            if !work.goes_on() {
                break 'hours;
            }
            work.merge(&mut hour, group, &mut settled).await?;
            let waiting: u64 =
                hour.groups(policy, &settled).iter().map(|group| group.objects().count() as u64).sum();
            progress(CompactionProgress { objects: done + held.saturating_sub(waiting), of });
        }
        done += held;
        progress(CompactionProgress { objects: done, of });
    }
    let left = listed(store.as_ref(), table, &order.hours).await?;
    report.after = Extent::of(&left);
    report.small = small_objects(&left, policy);
    tracing::info!(
        table,
        written = report.written,
        removed = report.removed,
        leftovers = report.leftovers,
        small = report.small,
        stopped = report.stopped,
        "compacted"
    );
    Ok(report)
}
