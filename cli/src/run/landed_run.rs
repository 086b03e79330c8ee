//! What the landing of a run came to.

use land_events::LandCounts;
use millrace_stream::offset_set::OffsetSet;

/// Counts, and which offsets became rows or dead letters, or are about erased persons.
#[derive(Debug)]
pub(crate) struct LandedRun {
    pub(crate) counts: LandCounts,
    pub(crate) landed: OffsetSet,
    pub(crate) dead: OffsetSet,
    pub(crate) erased: OffsetSet,
}
