//! How unusual a value is among its series.

use crate::column::{Column, Row, columns};
use crate::plan_error::PlanError;

// The columns of a judgement, behind those of what is judged.
columns! { COLUMNS_HERE, fn judgement(judged: Judged) {
    z_score: Float64 = judged.z_score,
    is_anomaly: Boolean = judged.is_anomaly,
    anomaly_type: Text = judged.anomaly_type,
    anomaly_severity: Text = judged.severity,
    robust_z: Float64 = judged.robust_z,
}}

/// Their names and types.
pub(super) const COLUMNS: &[Column] = COLUMNS_HERE;

/// What is said of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judged {
    /// Distance from the mean in sample standard deviations.
    pub(super) z_score: Option<f64>,
    pub(super) is_anomaly: bool,
    pub(super) anomaly_type: &'static str,
    pub(super) severity: &'static str,
    /// 0.6745 distances from the median in median absolute deviations, which one outlier does not move.
    pub(super) robust_z: Option<f64>,
}

impl Judged {
    /// Of what cannot be judged.
    pub(super) const NORMAL: Self =
        Self { z_score: None, is_anomaly: false, anomaly_type: "Normal", severity: "Low", robust_z: None };
}

impl Judged {
    /// The row that was judged, with the judgement's columns behind its own.
    pub(super) fn beside(self, mut row: Row) -> Result<Row, PlanError> {
        row.extend(judgement(self)?);
        Ok(row)
    }
}

/// Scales the median absolute deviation of a normal distribution to its standard deviation.
const NORMAL_MAD: f64 = 0.6745;

/// Judges each value of a series. Fewer than three, or all the same, tell nothing.
pub(super) fn judge(series: &[f64]) -> Vec<Judged> {
    let nothing = || vec![Judged::NORMAL; series.len()];
    let Some(first) = series.first() else { return nothing() };
    if series.len() < 3 || series.iter().all(|value| value == first) {
        return nothing();
    }
    let mean = series.iter().sum::<f64>() / series.len() as f64;
    let squares: f64 = series.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (series.len() - 1) as f64).sqrt();
    let middle = median(series.to_vec());
    let mad = median(series.iter().map(|value| (value - middle).abs()).collect());
    let judged = series.iter().map(|value| {
        let z = (value - mean).abs() / deviation;
        let is_anomaly = z > 2.0;
        Judged {
            z_score: Some(z),
            is_anomaly,
            anomaly_type: match is_anomaly {
                true if *value > mean => "High Anomaly",
                true => "Low Anomaly",
                false => "Normal",
            },
            severity: if z > 3.0 {
                "Critical"
            } else if z > 2.0 {
                "High"
            } else if z > 1.5 {
                "Medium"
            } else {
                "Low"
            },
            robust_z: (mad > 0.0).then(|| NORMAL_MAD * (value - middle).abs() / mad),
        }
    });
    judged.collect()
}

/// Of an even count the mean of the middle two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() % 2 {
        1 => values[half],
        _ => (values[half - 1] + values[half]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_or_equal_values_are_normal() {
        for series in [&[][..], &[5.0], &[1.0, 9.0], &[3.0, 3.0, 3.0, 3.0]] {
            assert_eq!(judge(series), vec![Judged::NORMAL; series.len()]);
        }
    }

    #[test]
    fn one_value_far_off_is_critical_and_its_side_is_named() {
        let mut series = vec![10.0; 12];
        series[3] = 11.0;
        series.push(100.0);
        let judged = judge(&series);
        let last = judged.last().expect("a value");
        assert!(last.z_score.is_some_and(|z| z > 3.0), "{last:?}");
        assert_eq!((last.is_anomaly, last.anomaly_type, last.severity), (true, "High Anomaly", "Critical"));
        assert_eq!(last.robust_z, None, "most are the same: the deviation's median is 0");
        assert_eq!(judged[0].anomaly_type, "Normal");
    }

    #[test]
    fn known_figures() {
        // mean 3, sample deviation sqrt(2.5), median 3, median absolute deviation 1
        let judged = judge(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(judged[0].z_score, Some(2.0 / 2.5_f64.sqrt()));
        assert_eq!(judged[4].robust_z, Some(0.6745 * 2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
