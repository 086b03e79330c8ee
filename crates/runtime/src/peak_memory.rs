//! The most memory the process has held.

/// The peak of the process's resident set since its start, in bytes; `None` where the system does not tell.
#[cfg(unix)]
pub fn peak_rss_bytes() -> Option<u64> {
    of_this_program().or_else(of_the_process)
}

/// Linux's own count, of the program that runs now. `getrusage` begins with what the process held before it became this program, which
/// is what its parent held: a small child of a large parent would tell the parent's.
#[cfg(unix)]
fn of_this_program() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(unix)]
fn of_the_process() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};

    // Linux and the BSDs tell KiB, Apple bytes.
    const UNIT: u64 = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    let peak = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss();
    Some(u64::try_from(peak).ok()? * UNIT)
}

/// `None`: other systems are not asked.
#[cfg(not(unix))]
pub fn peak_rss_bytes() -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const BYTES: usize = 64 << 20;

    #[test]
    fn grows_by_what_was_touched() {
        let before = peak_rss_bytes().unwrap();
        // A test process holds megabytes, not gigabytes: a wrong unit shows.
        assert!((1 << 20..1 << 30).contains(&before), "{before}");
        let touched = std::hint::black_box(vec![1_u8; BYTES]);
        let after = peak_rss_bytes().unwrap();
        assert!(after >= BYTES as u64, "{after} after touching {} bytes", touched.len());
    }

    /// Starts this test once more, as a child.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_does_not_tell_what_its_parent_held() {
        const CHILD: &str = "MILLRACE_TEST_CHILD_TELLS_ITS_PEAK";
        if std::env::var_os(CHILD).is_some() {
            println!("peak {}", peak_rss_bytes().unwrap());
            return;
        }
        let touched = std::hint::black_box(vec![1_u8; BYTES]);
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "peak_memory::tests::a_child_does_not_tell_what_its_parent_held",
                "--nocapture",
            ])
            .env(CHILD, "")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        let peak = said.split("peak ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let peak: usize = peak.and_then(|peak| peak.parse().ok()).expect("the child tells its peak");
        assert!(peak < touched.len(), "{peak} is what its parent held");
    }
}
