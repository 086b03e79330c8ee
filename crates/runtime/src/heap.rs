//! How much of what was freed the process keeps.
//!
//! glibc gives each thread an arena of its own, up to eight a processor, and raises by itself the size from which a block is mapped and
//! given back alone. Both are good for many threads that allocate all the time. Here few threads pass large columns on to one another: what
//! one frees lies in another's arena, and the heap grows to well over what is in use, more with every range of a long run.

/// What a process does most, as far as memory goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Columns that are made, passed on and dropped.
    Columns,
    /// Fetches of a megabyte, made and dropped all the time: given back each, their pages would have to be made anew for the next.
    Fetches,
}

/// Sets the heap for a use. To be called first in `main`: what exists already stays as it is. Whoever set glibc's own variables
/// (`MALLOC_ARENA_MAX` and others, `GLIBC_TUNABLES`) is not overruled, and other systems' heaps stay as they are.
pub fn set(use_: Use) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::set(use_);
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = use_;
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "mallopt, see there")]
mod glibc {
    use super::Use;

    const ARENAS: i32 = 2;

    pub(super) fn set(use_: Use) {
        let is_set = |name: &str| std::env::var_os(name).is_some();
        if ["GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"]
            .into_iter()
            .any(is_set)
        {
            return;
        }
        // From which size a block is mapped alone, and how much may lie free at a heap's end.
        let (alone, free) = match use_ {
            Use::Columns => (256 << 10, 256 << 10),
            Use::Fetches => (8 << 20, 32 << 20),
        };
        for (parameter, value) in
            [(libc::M_ARENA_MAX, ARENAS), (libc::M_MMAP_THRESHOLD, alone), (libc::M_TRIM_THRESHOLD, free)]
        {
            // SAFETY: it takes two numbers and the heap's own lock, may be called at any time, and refuses what it does not know.
            unsafe { libc::mallopt(parameter, value) };
        }
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "mallinfo2 reads the heap's own numbers")]
mod tests {
    use super::*;

    /// What blocks of the size of a column take of their own, in bytes.
    fn mapped_alone() -> usize {
        const BLOCK: usize = 300 << 10;
        // SAFETY: it takes nothing and answers numbers.
        let mapped = || unsafe { libc::mallinfo2() }.hblkhd;
        let before = mapped();
        let blocks: Vec<_> = (0..64).map(|_| std::hint::black_box(Vec::<u8>::with_capacity(BLOCK))).collect();
        mapped().saturating_sub(before) / blocks.len()
    }

    #[test]
    fn columns_are_given_back_alone_and_fetches_are_kept() {
        if std::env::vars_os()
            .any(|(name, _)| name.to_string_lossy().starts_with("MALLOC_") || name == "GLIBC_TUNABLES")
        {
            return;
        }
        set(Use::Columns);
        assert!(mapped_alone() >= 300 << 10);
        set(Use::Fetches);
        assert!(mapped_alone() < 100 << 10);
    }
}
