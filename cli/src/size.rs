//! Sizes as people write them.

use millrace_jobs::job_settings::LEAST_MEMORY;

/// A number of bytes, such as `128MiB`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim() {
        "" | "B" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    };
    let bytes =
        number.parse::<u64>().ok().zip(scale).and_then(|(number, scale)| number.checked_mul(1 << scale));
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "give a number of bytes, KiB, MiB or GiB, such as 128MiB".to_owned())
}

/// What a job's rows may hold in memory: a size that is of use.
pub(crate) fn parse_memory(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)?;
    if bytes < LEAST_MEMORY {
        return Err(format!("that is too little to be of use: give at least {}MiB", LEAST_MEMORY >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_of_no_use_is_refused_with_the_least() {
        assert_eq!(parse_memory("8MiB"), Ok(LEAST_MEMORY));
        for little in ["7MiB", "1KiB", "100"] {
            assert!(parse_memory(little).is_err_and(|reason| reason.contains("at least 8MiB")), "{little}");
        }
        assert!(parse_memory("lots").is_err_and(|reason| reason.contains("128MiB")));
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("128MiB"), Ok(128 << 20));
        assert_eq!(parse_size("1 GiB"), Ok(1 << 30));
        assert_eq!(parse_size("77"), Ok(77));
        for wrong in ["", "0", "MiB", "-1", "1MB", "1.5GiB", "99999999999999999999", "99999999999GiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
