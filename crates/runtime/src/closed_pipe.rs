//! Whether anybody reads what this process writes.

/// Whether the reader of standard output has left, as `| head` does. For who writes seldom, and would otherwise notice
/// with the next line. False where it is no pipe.
#[cfg(unix)]
pub fn reader_has_left() -> bool {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let stdout = std::io::stdout();
    // Asked for nothing, a poll tells of errors alone: of a pipe without a reader.
    let mut asked = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let told = poll(&mut asked, PollTimeout::ZERO);
    told.is_ok() && asked[0].revents().is_some_and(|events| events.contains(PollFlags::POLLERR))
}

/// Elsewhere it is noticed by writing.
#[cfg(not(unix))]
pub fn reader_has_left() -> bool {
    false
}
