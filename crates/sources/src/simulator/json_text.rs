//! Pieces of JSON, appended as bytes.

pub(super) fn put<const PARTS: usize>(out: &mut Vec<u8>, parts: [&str; PARTS]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The last `DIGITS` decimal digits, leading zeros kept.
pub(super) fn write_digits<const DIGITS: usize>(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits);
}

pub(super) fn write_number(number: u32, out: &mut Vec<u8>) {
    let digits = number.checked_ilog10().unwrap_or(0) + 1;
    match digits {
        1 => write_digits::<1>(number, out),
        2 => write_digits::<2>(number, out),
        3 => write_digits::<3>(number, out),
        4 => write_digits::<4>(number, out),
        5 => write_digits::<5>(number, out),
        _ => write_digits::<10>(number, out),
    }
}
