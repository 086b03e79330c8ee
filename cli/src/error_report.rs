//! How a failure is told to a person.

use crate::output;

/// Prints `error: …` and each cause on standard error, in one line.
pub(crate) fn print(error: &anyhow::Error) {
    output::notice(format_args!("error: {}", told(error)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_chained_and_told_once() {
        let error =
            anyhow::anyhow!("disk is full").context("could not write x: disk is full").context("no answer");
        assert_eq!(told(&error), "no answer: could not write x: disk is full");
    }
}
