//! What of this machine's memory a job takes where nobody says how much it may.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::job_settings::LITTLE_MEMORY;

/// More is for those to say who want it.
const MOST: u64 = 4 << 30;

/// A quarter of the memory that is free now, within a container's limit: at least [`LITTLE_MEMORY`], at most 4 GiB. In bytes, for
/// [`JobSettings::memory_bytes`](crate::job_settings::JobSettings::memory_bytes).
pub fn default_memory_bytes() -> u64 {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(memory);
    // A container may have less than its machine.
    let contained = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    share(system.available_memory().min(contained))
}

fn share(free: u64) -> u64 {
    (free / 4).clamp(LITTLE_MEMORY, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_taken_within_bounds() {
        assert_eq!(share(8 << 30), 2 << 30);
        assert_eq!(share(64 << 30), MOST);
        assert_eq!(share(0), LITTLE_MEMORY);
        assert!((LITTLE_MEMORY..=MOST).contains(&default_memory_bytes()));
    }
}
