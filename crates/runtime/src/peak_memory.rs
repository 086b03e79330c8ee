//! The most memory the process has held.

/// The peak of the process's resident set since its start, in bytes; `None` where the system does not tell.
#[cfg(unix)]
pub fn peak_rss_bytes() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};

    // Linux and the BSDs tell KiB, Apple bytes.
    const UNIT: u64 = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    let peak = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss();
    Some(u64::try_from(peak).ok()? * UNIT)
}

#[cfg(not(unix))]
pub fn peak_rss_bytes() -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn grows_by_what_was_touched() {
        const BYTES: usize = 64 << 20;
        let before = peak_rss_bytes().unwrap();
        // A test process holds megabytes, not gigabytes: a wrong unit shows.
        assert!((1 << 20..1 << 30).contains(&before), "{before}");
        let touched = std::hint::black_box(vec![1_u8; BYTES]);
        let after = peak_rss_bytes().unwrap();
        assert!(after >= BYTES as u64, "{after} after touching {} bytes", touched.len());
    }
}
