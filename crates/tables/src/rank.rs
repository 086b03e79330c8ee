//! Ranks without gaps or ties.

use std::cmp::Ordering;

/// For each item its rank, 1 for the first in `order`, which must tell any two items apart.
pub fn rank<T>(items: &[T], order: impl Fn(&T, &T) -> Ordering) -> Vec<i64> {
    let mut places: Vec<usize> = (0..items.len()).collect();
    places.sort_by(|a, b| order(&items[*a], &items[*b]));
    let mut ranks = vec![0; items.len()];
    for (rank, place) in (1..).zip(places) {
        ranks[place] = rank;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_has_the_rank_of_its_place() {
        let items = [(3, "b"), (7, "a"), (3, "a")];
        let ranks = rank(&items, |a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        assert_eq!(ranks, [3, 1, 2]);
    }
}
