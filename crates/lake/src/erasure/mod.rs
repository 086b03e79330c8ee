//! Persons out of the lake's raw objects and dead letters, who they were, and who is not taken in again.

pub mod dead_letters;
pub mod erased_ids;
pub mod letter_subject;
pub mod raw;
pub mod refused_ids;

use std::collections::BTreeSet;

/// The ids of those who are erased. An id counts as given: it has to equal a row's byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Subjects(BTreeSet<String>);

/// An id that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSubject {
    /// The list is empty.
    #[error("no id is given: name at least one")]
    None,
    /// One of the ids has no character but white space.
    #[error("an id is empty or of blanks alone: no row has such a one, leave it out")]
    Blank,
}

/// Ids never reach a log.
impl std::fmt::Debug for Subjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Subjects").field(&self.0.len()).finish()
    }
}

impl Subjects {
    /// Each id once, as given: nothing is trimmed.
    ///
    /// # Errors
    /// No id, or a blank one.
    pub fn new(ids: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, NoSubject> {
        let ids: BTreeSet<String> = ids.into_iter().map(Into::into).collect();
        if ids.is_empty() {
            return Err(NoSubject::None);
        }
        if ids.iter().any(|id| id.trim().is_empty()) {
            return Err(NoSubject::Blank);
        }
        Ok(Self(ids))
    }

    /// Whether `id` is one of them, byte for byte.
    pub fn contains(&self, id: &str) -> bool {
        self.0.contains(id)
    }

    /// The id as it is kept here, where it is one of theirs.
    fn get(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// How many they are.
    #[allow(clippy::len_without_is_empty, reason = "they are never none")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In bytewise order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Rows or letters about subjects, and whom they are about.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// Rows or letters about any of them.
    pub rows: u64,
    /// The subjects that at least one of these is about.
    pub ids: BTreeSet<String>,
}

/// Ids never reach a log.
impl std::fmt::Debug for Matches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matches").field("rows", &self.rows).field("ids", &self.ids.len()).finish()
    }
}

impl Matches {
    /// Looks at a row's id; answers whether it is about one of `subjects`.
    pub fn see(&mut self, id: &str, subjects: &Subjects) -> bool {
        let is_subject = subjects.contains(id);
        if is_subject {
            self.rows += 1;
            if !self.ids.contains(id) {
                self.ids.insert(id.to_owned());
            }
        }
        is_subject
    }

    /// Takes in what was found elsewhere.
    pub fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.ids.extend(more.ids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_as_given_and_never_shown() {
        let subjects = Subjects::new(["b", " a", "b"]).unwrap();
        assert_eq!(subjects.len(), 2);
        assert!(subjects.contains(" a") && !subjects.contains("a"));
        assert_eq!(format!("{subjects:?}"), "Subjects(2)");
        assert_eq!(Subjects::new(Vec::<String>::new()), Err(NoSubject::None));
        assert_eq!(Subjects::new(["a", " \u{a0}"]), Err(NoSubject::Blank));
    }
}
