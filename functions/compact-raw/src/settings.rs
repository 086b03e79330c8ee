//! What the function is told by its environment.

use std::time::Duration;

use millrace_runtime::settings::{Environment, SettingsError};

const MEMORY: &str = "MILLRACE_MEMORY_BYTES";
const TARGET: &str = "MILLRACE_TARGET_BYTES";
const DAYS: &str = "MILLRACE_DAYS";
const CONCURRENCY: &str = "MILLRACE_CONCURRENCY";

/// The function's settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `MILLRACE_LAKE`: the lake, `s3://<bucket>/<prefix>` or a folder.
    pub(crate) lake: String,
    /// `MILLRACE_TARGET_BYTES`: what an object grows towards; 128 MiB unless set.
    pub(crate) target: u64,
    /// `MILLRACE_MEMORY_BYTES`: fetched objects that are held at once; 256 MiB unless set.
    pub(crate) memory: u64,
    /// `MILLRACE_DAYS`: how many days are looked at, the asked one and those before it; 7 unless set.
    pub(crate) days: u32,
    /// `MILLRACE_CONCURRENCY`: objects that are fetched or removed at once; 32 unless set.
    pub(crate) concurrency: usize,
    /// `MILLRACE_WRITE_RESERVE_MS`: what has to be left of the deadline to begin an object; 120000 unless set.
    pub(crate) write_reserve: Duration,
}

impl Settings {
    pub(crate) fn of(mut environment: Environment) -> Result<Self, SettingsError> {
        let lake = environment.required("MILLRACE_LAKE");
        let target = environment.or(TARGET, 128 << 20);
        let memory = environment.or(MEMORY, 256 << 20);
        let days = environment.or(DAYS, 7);
        let concurrency = environment.or(CONCURRENCY, 32);
        let write_reserve = environment.or("MILLRACE_WRITE_RESERVE_MS", 120_000);
        if target.is_some_and(|target| target < 1 << 20) {
            environment.refuse(TARGET, "is too small to be a goal; give at least 1048576 (1 MiB)");
        }
        // What was written is read back whole.
        if memory < target {
            environment.refuse(
                MEMORY,
                "is less than MILLRACE_TARGET_BYTES, an object of which is read back; give twice that",
            );
        }
        if days.is_some_and(|days| !(1..=366).contains(&days)) {
            environment.refuse(DAYS, "has to be 1 to 366");
        }
        if concurrency.is_some_and(|concurrency| !(1..=256).contains(&concurrency)) {
            environment.refuse(CONCURRENCY, "has to be 1 to 256");
        }
        environment.finish(|| {
            Some(Self {
                lake: lake?,
                target: target?,
                memory: memory?,
                days: days?,
                concurrency: concurrency?,
                write_reserve: Duration::from_millis(write_reserve?),
            })
        })
    }
}
