//! The days' quality, as fact_data_quality_metrics says it: of which time-series-analysis makes its series.

use arrow_array::RecordBatch;
use arrow_array::types::{Float64Type, Int64Type};
use millrace_tables::QualityDay;

use crate::columns::numbers;
use crate::kernel_error::KernelError;

/// The counts that are read of a day's row.
pub const COUNTS: [&str; 8] = [
    "total_records",
    "excellent_quality",
    "good_quality",
    "fair_quality",
    "poor_quality",
    "very_poor_quality",
    "valid_emails",
    "valid_phones",
];

/// The mean that is read of a day's row, null on a day without users.
pub const AVERAGE: &str = "avg_quality_score";

/// What a day's one row says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Told {
    /// The day's quality.
    Quality(QualityDay),
    /// There was no user, so the day is in no series.
    Nobody,
    /// The row lacks a count. A zero in its place would be a day of nothing but bad users.
    Incomplete,
}

/// What the first row of a partition of fact_data_quality_metrics says of `day`, in days since 1970-01-01.
///
/// # Errors
/// A column is of another type than the table's.
pub fn told(day: i32, metrics: &RecordBatch) -> Result<Told, KernelError> {
    let average = numbers::<Float64Type>(metrics, AVERAGE)?.and_then(|values| values.iter().next().flatten());
    let Some(avg_quality_score) = average else { return Ok(Told::Nobody) };
    let mut counts = [0; COUNTS.len()];
    for (count, name) in counts.iter_mut().zip(COUNTS) {
        match numbers::<Int64Type>(metrics, name)?.and_then(|values| values.iter().next().flatten()) {
            Some(found) => *count = found,
            None => return Ok(Told::Incomplete),
        }
    }
    let [total_records, excellent, good, fair, poor, very_poor, valid_emails, valid_phones] = counts;
    Ok(Told::Quality(QualityDay {
        day,
        total_records,
        avg_quality_score,
        excellent,
        good,
        fair,
        poor: poor.saturating_add(very_poor),
        valid_emails,
        valid_phones,
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array};

    use super::*;

    fn row(names: &[&str], average: Option<f64>) -> RecordBatch {
        let column = |name: &&str| ((*name).to_owned(), Arc::new(Int64Array::from(vec![3])) as ArrayRef);
        let average: ArrayRef = Arc::new(Float64Array::from(vec![average]));
        RecordBatch::try_from_iter(names.iter().map(column).chain([(AVERAGE.to_owned(), average)]))
            .expect("a row")
    }

    #[test]
    fn a_day_that_lacks_a_count_is_left_out_and_not_0() {
        let Told::Quality(whole) = told(7, &row(&COUNTS, Some(80.0))).expect("a row") else {
            panic!("a day")
        };
        assert_eq!((whole.total_records, whole.poor, whole.day), (3, 6, 7));
        for missing in COUNTS {
            let names: Vec<_> = COUNTS.iter().copied().filter(|name| *name != missing).collect();
            assert_eq!(told(7, &row(&names, Some(80.0))).expect("a row"), Told::Incomplete, "{missing}");
        }
        assert_eq!(told(7, &row(&COUNTS, None)).expect("a row"), Told::Nobody);
    }
}
