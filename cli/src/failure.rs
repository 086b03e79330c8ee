//! How a failure is told to a person.

use std::io::{ErrorKind, Write};

/// Prints `error: …` and each cause on standard error, in one line.
pub(crate) fn print(error: &anyhow::Error) {
    // Standard error may be closed; there is nobody left to tell then.
    let _ = writeln!(std::io::stderr(), "error: {}", told(error));
}

/// The error and its causes, without those that an outer message already quotes.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        let cause = cause.trim();
        // Polars' errors carry their plan after an empty line: it helps nobody here.
        let cause = cause.split("\n\n").next().unwrap_or(cause);
        if !text.contains(cause) {
            text.push_str(": ");
            text.push_str(cause);
        }
    }
    text
}

/// Whether the reader of our output has left, as `| head` does: no failure of ours.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn causes_are_chained_and_told_once() {
        let error =
            anyhow::anyhow!("disk is full").context("could not write x: disk is full").context("no answer");
        assert_eq!(told(&error), "no answer: could not write x: disk is full");
    }

    #[test]
    fn a_broken_pipe_is_seen_under_other_causes() {
        let broken: anyhow::Result<()> =
            Err(std::io::Error::from(ErrorKind::BrokenPipe)).context("the answer could not be written");
        assert!(is_broken_pipe(&broken.unwrap_err()));
        assert!(!is_broken_pipe(&anyhow::anyhow!("broken pipe")));
    }
}
