//! Which raw objects hold rows that a state does not stand for.

use std::collections::{BTreeMap, BTreeSet};

use millrace_lake::store::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::unusable::Unusable;
use crate::raw_transformation::raw_scan::RawObject;

/// A raw object that a state stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::raw_transformation) struct Covered {
    pub(in crate::raw_transformation) key: String,
    pub(in crate::raw_transformation) size: u64,
    /// The objects it was compacted from, sources of sources too: it stands for them once they are removed, and still
    /// does when it is compacted itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::raw_transformation) replaces: Vec<String>,
}

/// The listed objects that `covered` does not name, or knows of another size.
pub(in crate::raw_transformation) fn others(covered: &[Covered], listed: &[ObjectMeta]) -> Vec<ObjectMeta> {
    let sizes: BTreeMap<&str, u64> =
        covered.iter().map(|object| (object.key.as_str(), object.size)).collect();
    let unknown = |object: &&ObjectMeta| sizes.get(object.key.as_str()) != Some(&object.size);
    listed.iter().filter(unknown).cloned().collect()
}

/// Of [`others`], opened, those to be read.
///
/// A compacted object all of whose sources are covered holds nothing new. Where an object that is covered was
/// rewritten, or is gone and no listed object was compacted from it, or that one has lost rows since, the state stands for rows that
/// raw does not hold.
pub(in crate::raw_transformation) fn news<'a>(
    covered: &[Covered],
    listed: &[ObjectMeta],
    others: &'a [RawObject],
) -> Result<Vec<&'a RawObject>, Unusable> {
    let sizes: BTreeMap<&str, u64> = listed.iter().map(|object| (object.key.as_str(), object.size)).collect();
    let here = |object: &&Covered| sizes.contains_key(object.key.as_str());
    let mut explained: BTreeSet<&str> =
        covered.iter().filter(here).flat_map(|object| &object.replaces).map(String::as_str).collect();
    explained.extend(others.iter().flat_map(|object| &object.compacted_from).map(String::as_str));
    for object in covered {
        match sizes.get(object.key.as_str()) {
            Some(size) if *size == object.size => {}
            Some(_) => return Err(Unusable::Rewritten(object.key.clone())),
            None if explained.contains(object.key.as_str()) => {}
            None => return Err(Unusable::Gone(object.key.clone())),
        }
    }
    let known: BTreeSet<&str> = covered
        .iter()
        .flat_map(|object| std::iter::once(&object.key).chain(&object.replaces))
        .map(String::as_str)
        .collect();
    let of_known =
        |object: &RawObject| object.compacted_from.iter().any(|source| known.contains(source.as_str()));
    if let Some(object) = others.iter().find(|object| object.shrunk && of_known(object)) {
        return Err(Unusable::Rewritten(object.key.to_string()));
    }
    let holds_news = |object: &&RawObject| {
        let sources = &object.compacted_from;
        sources.is_empty() || !sources.iter().all(|source| known.contains(source.as_str()))
    };
    Ok(others.iter().filter(holds_news).collect())
}

/// What a state stands for whose run saw `listed`: the objects it had opened, `sources` telling what each of them was
/// compacted from, and those that `before` covered.
pub(in crate::raw_transformation) fn after(
    listed: &[ObjectMeta],
    before: &[Covered],
    sources: &BTreeMap<String, Vec<String>>,
) -> Vec<Covered> {
    let before: BTreeMap<&str, &Vec<String>> =
        before.iter().map(|object| (object.key.as_str(), &object.replaces)).collect();
    let covered = listed.iter().map(|object| {
        let key = object.key.as_str();
        let replaces = sources.get(key).or_else(|| before.get(key).copied());
        Covered { key: key.to_owned(), size: object.size, replaces: replaces.cloned().unwrap_or_default() }
    });
    covered.collect()
}

#[cfg(test)]
mod tests {
    use millrace_lake::object_key::Key;

    use super::*;

    fn listed(objects: &[(&str, u64)]) -> Vec<ObjectMeta> {
        let meta =
            |(key, size): &(&str, u64)| ObjectMeta { key: Key::new(*key).expect("a key"), size: *size };
        objects.iter().map(meta).collect()
    }

    fn covered(objects: &[(&str, u64, &[&str])]) -> Vec<Covered> {
        let covered = |(key, size, replaces): &(&str, u64, &[&str])| Covered {
            key: (*key).to_owned(),
            size: *size,
            replaces: replaces.iter().map(|key| (*key).to_owned()).collect(),
        };
        objects.iter().map(covered).collect()
    }

    fn opened(key: &str, compacted_from: &[&str]) -> RawObject {
        let mut object = RawObject::of_rows(Key::new(key).expect("a key"), 1);
        object.compacted_from = compacted_from.iter().map(|key| (*key).to_owned()).collect();
        object
    }

    fn to_read(
        covered: &[Covered],
        listed: &[ObjectMeta],
        others: &[RawObject],
    ) -> Result<Vec<String>, Unusable> {
        Ok(news(covered, listed, others)?.into_iter().map(|object| object.key.to_string()).collect())
    }

    #[test]
    fn what_is_new_is_read_and_what_is_covered_is_not() {
        let covered = covered(&[("a", 1, &[]), ("b", 2, &[])]);
        let listing = listed(&[("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(others(&covered, &listing), listed(&[("c", 3)]));
        assert_eq!(to_read(&covered, &listing, &[opened("c", &[])]), Ok(vec!["c".to_owned()]));
    }

    #[test]
    fn a_compacted_object_stands_for_its_sources() {
        let covered = covered(&[("a", 1, &[]), ("b", 2, &[])]);
        for listing in [listed(&[("a", 1), ("b", 2), ("x", 3)]), listed(&[("x", 3)])] {
            assert_eq!(to_read(&covered, &listing, &[opened("x", &["a", "b"])]), Ok(vec![]));
            let partly_new = [opened("x", &["a", "b", "c"])];
            assert_eq!(to_read(&covered, &listing, &partly_new), Ok(vec!["x".to_owned()]));
        }
        let mut shrunk = opened("x", &["a", "b", "c"]);
        shrunk.shrunk = true;
        let erased_since = to_read(&covered, &listed(&[("x", 3)]), &[shrunk]);
        assert_eq!(erased_since, Err(Unusable::Rewritten("x".to_owned())));
        let one_left_out = to_read(&covered, &listed(&[("x", 3)]), &[opened("x", &["a"])]);
        assert_eq!(one_left_out, Err(Unusable::Gone("b".to_owned())));
    }

    #[test]
    fn a_compacted_object_that_is_covered_stands_for_sources_that_go_later() {
        let sources =
            BTreeMap::from([("x".to_owned(), vec!["a".to_owned(), "b".to_owned(), "old".to_owned()])]);
        let listing = listed(&[("a", 1), ("b", 2), ("x", 3)]);
        let known = after(&listing, &[], &sources);
        assert_eq!(known, covered(&[("a", 1, &[]), ("b", 2, &[]), ("x", 3, &["a", "b", "old"])]));
        let later = listed(&[("b", 2), ("x", 3)]);
        assert_eq!(to_read(&known, &later, &[]), Ok(vec![]));
        let known = after(&later, &known, &BTreeMap::new());
        assert_eq!(known, covered(&[("b", 2, &[]), ("x", 3, &["a", "b", "old"])]));
        // Compacted again: the new one names the sources of its sources too.
        let twice = listed(&[("y", 4)]);
        assert_eq!(to_read(&known, &twice, &[opened("y", &["a", "b", "old", "x"])]), Ok(vec![]));
        assert_eq!(to_read(&known, &twice, &[opened("y", &["a", "x"])]), Err(Unusable::Gone("b".to_owned())));
    }

    #[test]
    fn a_rewritten_object_and_one_that_went_away_are_told() {
        let covered = covered(&[("a", 1, &[])]);
        let rewritten = to_read(&covered, &listed(&[("a", 2)]), &[opened("a", &[])]);
        assert_eq!(rewritten, Err(Unusable::Rewritten("a".to_owned())));
        assert_eq!(to_read(&covered, &[], &[]), Err(Unusable::Gone("a".to_owned())));
    }
}
