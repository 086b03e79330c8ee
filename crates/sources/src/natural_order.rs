//! The order in which people read numbered names: `page-2` before `page-10`.

use std::cmp::Ordering;

/// Compares runs of ASCII digits by their number and everything else bytewise. A total order: names that differ only
/// in leading zeros are put in bytewise order.
pub(crate) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (mut a, mut b) = (left, right);
    loop {
        let (a_number, a_rest) = leading_digits(a);
        let (b_number, b_rest) = leading_digits(b);
        if !a_number.is_empty() && !b_number.is_empty() {
            let (a_number, b_number) = (without_zeros(a_number), without_zeros(b_number));
            // Compared by length first, since a number in a name may be longer than any integer.
            let order = a_number.len().cmp(&b_number.len()).then_with(|| a_number.cmp(b_number));
            if order.is_ne() {
                return order;
            }
            (a, b) = (a_rest, b_rest);
            continue;
        }
        match (a.split_first(), b.split_first()) {
            (Some((x, a_rest)), Some((y, b_rest))) if x == y => (a, b) = (a_rest, b_rest),
            (Some((x, _)), Some((y, _))) => return x.cmp(y),
            (None, None) => return left.cmp(right),
            (x, y) => return x.is_some().cmp(&y.is_some()),
        }
    }
}

fn leading_digits(name: &[u8]) -> (&[u8], &[u8]) {
    let end = name.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(name.len());
    name.split_at(end)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|&digit| digit != b'0').unwrap_or(number.len());
    &number[start..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_as_numbers() {
        let sorted = [
            "a",
            "a0",
            "a01",
            "a1",
            "a1b",
            "a2",
            "a10",
            "a18446744073709551616",
            "a18446744073709551617",
            "b1-p2",
            "b1-p10",
            "b2-p1",
            "b02-p2",
            "seed-abc_page-2_results-500.json",
            "seed-abc_page-10_results-500.json",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| compare(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, sorted);
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in "[01a2-]{0,8}", b in "[01a2-]{0,8}", c in "[01a2-]{0,8}") {
            let (a, b, c) = (a.as_bytes(), b.as_bytes(), c.as_bytes());
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            prop_assert_eq!(compare(a, b).is_eq(), a == b);
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
        }

        #[test]
        fn equal_but_for_a_number_is_by_that_number(head in "[a-z]{0,4}", tail in "[a-z.]{0,4}", x: u64, y: u64) {
            let [left, right] = [x, y].map(|number| format!("{head}{number}{tail}"));
            prop_assert_eq!(compare(left.as_bytes(), right.as_bytes()), x.cmp(&y));
        }
    }
}
