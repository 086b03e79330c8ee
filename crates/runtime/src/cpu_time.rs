//! The processor time that the process has used.

/// Of all threads, in user and system, in seconds; `None` where the system does not tell.
#[cfg(unix)]
pub fn cpu_seconds() -> Option<f64> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;

    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    Some((usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}

/// `None`: other systems are not asked.
#[cfg(not(unix))]
pub fn cpu_seconds() -> Option<f64> {
    None
}
