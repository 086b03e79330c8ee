//! Checks that are no cargo tests: told one by one, counted, and added to the tests' sum.

/// What the checks came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: Vec<String>,
}

impl Tally {
    /// Tells and counts one; `false`: it failed, and what builds on it need not be tried.
    pub(crate) fn take(&mut self, check: &str, result: anyhow::Result<()>) -> bool {
        match result {
            Ok(()) => {
                println!("ok: {check}");
                self.passed += 1;
                true
            }
            Err(error) => {
                println!("failed: {check}: {error:#}");
                self.failed.push(check.to_owned());
                false
            }
        }
    }

    /// Tells the sum; `true`: nothing failed.
    pub(crate) fn end(&self, skipped: usize) -> bool {
        println!("{} passed, {} failed, {skipped} skipped", self.passed, self.failed.len());
        self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_counted_by_its_name() {
        let mut tally = Tally::default();
        assert!(tally.take("one", Ok(())) && tally.end(0));
        assert!(!tally.take("two", Err(anyhow::anyhow!("why"))) && !tally.end(0));
        assert_eq!((tally.passed, tally.failed), (1, vec!["two".to_owned()]));
    }
}
