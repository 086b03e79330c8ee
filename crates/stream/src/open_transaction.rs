//! Open transactions: behind one nobody gets a record before it ends.

use millrace_events::position::Offset;
use std::fmt;

/// A partition in which a producer's transaction is open. Whoever reads committed records alone, as we do, gets none from the last
/// stable offset on, those of other producers neither. Nothing of it is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTransaction {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Where readers of committed records stand still.
    pub last_stable: Offset,
    /// The next offset to be written.
    pub high_watermark: Offset,
}

impl fmt::Display for OpenTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, last_stable, high_watermark } = self;
        write!(
            f,
            "a transaction is open in {topic}/{partition}: high watermark {high_watermark}, last stable offset {last_stable}"
        )
    }
}

/// What ends an open transaction, for those who wait for it.
pub const ENDS_OF_TRANSACTIONS: &str = "its records and what follows are kept, and given once its producer commits or aborts it; the \
                                        brokers abort it after the producer's transaction.timeout.ms";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_transaction_is_told_by_its_offsets() {
        let topic = "ad_events".to_owned();
        let (last_stable, high_watermark) = (Offset(40), Offset(120));
        let open = OpenTransaction { topic, partition: 2, last_stable, high_watermark };
        let words = "a transaction is open in ad_events/2: high watermark 120, last stable offset 40";
        assert_eq!(open.to_string(), words);
    }
}
