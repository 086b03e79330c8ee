//! "Did you mean": the name that somebody who mistyped one may have had in mind.

/// The one of `candidates` that `name` most likely stands for: it differs by a few characters, or has `name` as a part.
/// Case does not count, nor does `-` for `_`.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.trim().to_lowercase().replace('-', "_");
    let name = plain(name);
    let length = name.chars().count();
    let near = candidates.into_iter().filter_map(|candidate| {
        let plain = plain(candidate);
        let distance = strsim::osa_distance(&name, &plain);
        // A third of the characters: more of them make another word.
        let near = match (plain.starts_with(&name), plain.contains(&name)) {
            _ if distance <= (length / 3).max(1) => (0, distance),
            (true, _) if length > 2 => (1, distance),
            (_, true) if length > 2 => (2, distance),
            _ => return None,
        };
        Some((near, candidate))
    });
    near.min().map(|(_, candidate)| candidate)
}

/// `; did you mean NAME?` where there is such a name, else nothing: for the end of a message that says what was not found.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [&str; 5] = [
        "raw_users",
        "users_transformed",
        "dim_user_demographics",
        "fact_age_trends",
        "fact_registration_trends",
    ];

    #[test]
    fn a_mistyped_name_is_found() {
        for (typed, meant) in [
            ("user_transformed", "users_transformed"),
            ("users_tranformed", "users_transformed"),
            ("Users_Transformed", "users_transformed"),
            ("users-transformed", "users_transformed"),
            ("raw_user", "raw_users"),
            ("arw_users", "raw_users"),
            ("users", "users_transformed"),
            ("demographics", "dim_user_demographics"),
            ("fact_registrations_trend", "fact_registration_trends"),
        ] {
            assert_eq!(nearest(typed, TABLES), Some(meant), "{typed}");
        }
    }

    #[test]
    fn another_word_is_left_alone() {
        for typed in ["", " ", "orders", "fact_sales", "xy", "s"] {
            assert_eq!(nearest(typed, TABLES), None, "{typed}");
        }
        assert_eq!(did_you_mean("orders", TABLES), "");
        assert_eq!(did_you_mean("raw_user", TABLES), "; did you mean raw_users?");
    }
}
