//! Days, ages and tenures as of a day; days are counted from 1970-01-01, as Arrow's date32 does.

use chrono::{Datelike, NaiveDate};

const MICROS_A_DAY: i64 = 86_400_000_000;

/// The UTC day of an instant in microseconds.
pub fn day_of(micros: i64) -> i32 {
    // i64 microseconds span ±107 million days, well within i32.
    micros.div_euclid(MICROS_A_DAY) as i32
}

/// The days of a date.
pub fn days(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

pub(crate) fn date(day: i32) -> NaiveDate {
    // Beyond chrono's ±262,000 years only the sign still matters.
    NaiveDate::from_epoch_days(day).unwrap_or(if day < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
}

/// The months since year 0 of a day's month.
pub fn month(day: i32) -> i32 {
    let date = date(day);
    date.year() * 12 + date.month0().cast_signed()
}

/// The days since Monday of a day.
pub fn weekday(day: i32) -> i32 {
    // 1970-01-01 was a Thursday.
    (day + 3).rem_euclid(7)
}

/// Whole years lived at `as_of`; a 29 February birthday falls on 1 March; nothing for a birth after `as_of`.
pub fn age_years(birth_day: i32, as_of: NaiveDate) -> Option<i32> {
    let birth = date(birth_day);
    if birth > as_of {
        return None;
    }
    let birthday_is_ahead = (as_of.month(), as_of.day()) < (birth.month(), birth.day());
    Some(as_of.year() - birth.year() - i32::from(birthday_is_ahead))
}

/// The decade or so of an age in whole years, `under-18` to `65+`, both ends included; `unknown` without an age. A negative age is
/// `under-18`.
pub fn age_group(age: Option<i32>) -> &'static str {
    match age {
        None => "unknown",
        Some(..18) => "under-18",
        Some(18..=24) => "18-24",
        Some(25..=34) => "25-34",
        Some(35..=44) => "35-44",
        Some(45..=54) => "45-54",
        Some(55..=64) => "55-64",
        Some(65..) => "65+",
    }
}

/// By birth year; a birth after `as_of` is Gen Alpha whatever the year.
pub fn generation(birth_day: Option<i32>, as_of: NaiveDate) -> &'static str {
    let Some(birth) = birth_day.map(date) else { return "unknown" };
    if birth > as_of {
        return "Gen Alpha";
    }
    match birth.year() {
        ..=1945 => "Silent",
        1946..=1964 => "Boomer",
        1965..=1980 => "Gen X",
        1981..=1996 => "Millennial",
        1997..=2012 => "Gen Z",
        2013.. => "Gen Alpha",
    }
}

/// Days from registration to `as_of`, negative where the registration lies ahead.
pub fn account_age_days(registration_day: i32, as_of: NaiveDate) -> i32 {
    days(as_of).saturating_sub(registration_day)
}

/// `New` below 30 days, `Regular` below 365, then `Veteran`; `unknown` without a registration. An account of the future is `New`.
pub fn account_tenure_category(account_age_days: Option<i32>) -> &'static str {
    match account_age_days {
        None => "unknown",
        Some(..30) => "New",
        Some(30..365) => "Regular",
        Some(365..) => "Veteran",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).expect("a date")
    }

    fn age(birth: NaiveDate, as_of: NaiveDate) -> Option<i32> {
        age_years(days(birth), as_of)
    }

    #[test]
    fn days_are_utc_days_before_1970_too() {
        assert_eq!(day_of(0), 0);
        assert_eq!(day_of(MICROS_A_DAY - 1), 0);
        assert_eq!(day_of(-1), -1);
        assert_eq!(day_of(-MICROS_A_DAY), -1);
    }

    #[test]
    fn ages_turn_on_the_birthday() {
        assert_eq!(age(on(1990, 6, 15), on(2020, 6, 14)), Some(29));
        assert_eq!(age(on(1990, 6, 15), on(2020, 6, 15)), Some(30));
        assert_eq!(age(on(2020, 6, 15), on(2020, 6, 15)), Some(0));
        assert_eq!(age(on(2020, 6, 16), on(2020, 6, 15)), None);
    }

    #[test]
    fn leap_day_birthdays_fall_on_the_first_of_march() {
        let birth = on(2000, 2, 29);
        assert_eq!(age(birth, on(2001, 2, 28)), Some(0));
        assert_eq!(age(birth, on(2001, 3, 1)), Some(1));
        assert_eq!(age(birth, on(2004, 2, 28)), Some(3));
        assert_eq!(age(birth, on(2004, 2, 29)), Some(4));
    }

    #[test]
    fn groups_and_generations_at_their_edges() {
        for (years, group) in [
            (0, "under-18"),
            (17, "under-18"),
            (18, "18-24"),
            (24, "18-24"),
            (25, "25-34"),
            (34, "25-34"),
            (35, "35-44"),
            (45, "45-54"),
            (55, "55-64"),
            (64, "55-64"),
            (65, "65+"),
            (120, "65+"),
        ] {
            assert_eq!(age_group(Some(years)), group);
        }
        assert_eq!(age_group(None), "unknown");
        let as_of = on(2026, 1, 1);
        for (year, name) in [
            (1945, "Silent"),
            (1946, "Boomer"),
            (1964, "Boomer"),
            (1965, "Gen X"),
            (1980, "Gen X"),
            (1981, "Millennial"),
            (1996, "Millennial"),
            (1997, "Gen Z"),
            (2012, "Gen Z"),
            (2013, "Gen Alpha"),
            (2030, "Gen Alpha"),
        ] {
            assert_eq!(generation(Some(days(on(year, 12, 31))), as_of), name);
            assert_eq!(generation(Some(days(on(year, 1, 1))), as_of), name);
        }
        assert_eq!(generation(None, as_of), "unknown");
        assert_eq!(generation(Some(days(on(2011, 1, 1))), on(2010, 1, 1)), "Gen Alpha");
    }

    #[test]
    fn tenures_at_their_edges() {
        let as_of = on(2024, 3, 1);
        assert_eq!(account_age_days(days(on(2024, 2, 28)), as_of), 2);
        assert_eq!(account_age_days(days(on(2024, 3, 3)), as_of), -2);
        for (age, name) in [(-2, "New"), (29, "New"), (30, "Regular"), (364, "Regular"), (365, "Veteran")] {
            assert_eq!(account_tenure_category(Some(age)), name);
        }
        assert_eq!(account_tenure_category(None), "unknown");
    }

    #[test]
    fn instants_beyond_the_calendar_do_not_panic() {
        for micros in [i64::MIN, i64::MAX] {
            let day = day_of(micros);
            age_years(day, on(2024, 1, 1));
            generation(Some(day), on(2024, 1, 1));
            account_age_days(day, on(2024, 1, 1));
        }
    }
}
