//! What is wrong with a user, and what it costs.

/// What is deducted from 100 for each issue, in the order in which the issues are listed.
const DEDUCTIONS: [(&str, f64); 3] = [("missing_id", 20.0), ("invalid_email", 15.0), ("invalid_phone", 10.0)];

/// The score, at most 100.
pub fn score(found: [bool; 3]) -> f64 {
    DEDUCTIONS.iter().zip(found).filter(|(_, found)| *found).fold(100.0, |score, ((_, cost), _)| score - cost)
}

/// The names of the issues, in the order of the deductions.
pub fn issues(found: [bool; 3]) -> impl Iterator<Item = &'static str> {
    DEDUCTIONS.iter().zip(found).filter(|(_, found)| *found).map(|((name, _), _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_issue_costs_its_points_and_is_listed_in_order() {
        assert_eq!(score([false; 3]), 100.0);
        assert_eq!(score([true; 3]), 55.0);
        assert_eq!(score([false, true, false]), 85.0);
        assert_eq!(issues([true; 3]).collect::<Vec<_>>(), ["missing_id", "invalid_email", "invalid_phone"]);
        assert_eq!(issues([false, false, true]).collect::<Vec<_>>(), ["invalid_phone"]);
        assert_eq!(issues([false; 3]).count(), 0);
    }
}
