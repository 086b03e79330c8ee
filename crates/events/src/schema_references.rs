//! What a registered schema refers to, found step by step: which other schema has to be fetched next, until all are there.
//!
//! It fetches nothing: whoever talks to the registry is told what to ask for, and gives what was answered. A registry may
//! be wrong or hostile, so that the way through is bounded in depth, number and size.

use crate::failure::{Class, Classified};
use std::collections::HashSet;
use std::fmt;

/// Where a registry has a schema that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The registry subject that the other schema is kept under.
    pub subject: String,
    /// From 1.
    pub version: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} of {}", self.version, self.subject)
    }
}

/// Why a schema's references cannot be followed. The schema is what has to be mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// A schema refers to itself by way of others: these, in order.
    #[error("it refers in a circle: {0}")]
    Circle(String),
    /// Reached at this schema.
    #[error("its references go deeper than {DEEPEST} schemas, as far as {0}")]
    TooDeep(Place),
    /// Counted once each, however often they are referred to.
    #[error("it refers to more than {MOST} schemas")]
    TooMany,
    /// The texts of all of them are summed.
    #[error("the schemas that it refers to have more than {LARGEST} bytes together")]
    TooLarge,
    /// Whoever asked the registry was told so.
    #[error("it refers to {0}, which the registry has not")]
    Missing(Place),
}

impl Classified for ReferenceError {
    fn class(&self) -> Class {
        crate::failure::Class::DeadLetter
    }
}

/// How deep references may go. Real ones were seen to go five deep.
const DEEPEST: usize = 32;

/// Schemas that one may refer to, directly or by others.
const MOST: usize = 256;

/// Bytes of all their texts: a registry takes about one megabyte for each.
const LARGEST: usize = 4 << 20;

/// A schema's references on the way to be resolved.
#[derive(Debug)]
pub struct References {
    /// From the schema itself to that whose references are looked at.
    open: Vec<Open>,
    done: HashSet<Place>,
    texts: Vec<String>,
    bytes: usize,
    wanted: Option<Place>,
}

#[derive(Debug)]
struct Open {
    /// `None` is the schema itself.
    place: Option<Place>,
    text: String,
    left: std::vec::IntoIter<Place>,
}

impl References {
    /// Of a schema that refers to these.
    pub fn of(places: Vec<Place>) -> Self {
        let itself = Open { place: None, text: String::new(), left: places.into_iter() };
        Self { open: vec![itself], done: HashSet::new(), texts: Vec::new(), bytes: 0, wanted: None }
    }

    /// The schema to be fetched next and to be [given](Self::give); `None` where all are there.
    ///
    /// # Errors
    /// There is no end of them, or none within the bounds.
    pub fn wanted(&mut self) -> Result<Option<&Place>, ReferenceError> {
        while self.wanted.is_none() {
            let Some(last) = self.open.last_mut() else { return Ok(None) };
            match last.left.next() {
                Some(place) if self.done.contains(&place) => {}
                Some(place) => {
                    self.check(&place)?;
                    self.wanted = Some(place);
                }
                None => {
                    if let Some(Open { place: Some(place), text, .. }) = self.open.pop() {
                        self.done.insert(place);
                        self.texts.push(text);
                    }
                }
            }
        }
        Ok(self.wanted.as_ref())
    }

    fn check(&self, place: &Place) -> Result<(), ReferenceError> {
        let path = self.open.iter().filter_map(|open| open.place.as_ref());
        if let Some(again) = path.clone().position(|open| open == place) {
            let circle: Vec<_> = path.skip(again).chain([place]).map(Place::to_string).collect();
            return Err(ReferenceError::Circle(circle.join(", ")));
        }
        if self.open.len() > DEEPEST {
            return Err(ReferenceError::TooDeep(place.clone()));
        }
        // One for the schema itself, which is among the open.
        if self.done.len() + self.open.len() > MOST {
            return Err(ReferenceError::TooMany);
        }
        Ok(())
    }

    /// What the registry has at the place that was [wanted](Self::wanted), and what that refers to itself.
    ///
    /// # Errors
    /// All together are too large.
    pub fn give(&mut self, text: String, places: Vec<Place>) -> Result<(), ReferenceError> {
        self.bytes += text.len();
        if self.bytes > LARGEST {
            return Err(ReferenceError::TooLarge);
        }
        let place = self.wanted.take();
        self.open.push(Open { place, text, left: places.into_iter() });
        Ok(())
    }

    /// The texts of all, each behind those that it refers to itself.
    pub fn into_texts(self) -> Vec<String> {
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(subject: &str) -> Place {
        Place { subject: subject.to_owned(), version: 1 }
    }

    /// Resolves what refers to `first`, by a registry in which each subject's text is its name.
    fn resolved(first: &[&str], refers: impl Fn(&str) -> Vec<String>) -> Result<Vec<String>, ReferenceError> {
        let mut references = References::of(first.iter().map(|name| place(name)).collect());
        while let Some(wanted) = references.wanted()? {
            let subject = wanted.subject.clone();
            let places = refers(&subject).iter().map(|name| place(name)).collect();
            references.give(subject, places)?;
        }
        Ok(references.into_texts())
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn each_stands_behind_what_it_refers_to_and_once() {
        let refers = |subject: &str| match subject {
            "a" => names(&["c", "d"]),
            "b" => names(&["d", "a"]),
            "c" => names(&["d"]),
            _ => Vec::new(),
        };
        assert_eq!(resolved(&["a", "b", "a"], refers).unwrap(), names(&["d", "c", "a", "b"]));
        assert_eq!(resolved(&[], refers).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_circle_is_told_by_its_members() {
        let refers = |subject: &str| match subject {
            "a" => names(&["b"]),
            "b" => names(&["c"]),
            _ => names(&["b"]),
        };
        let error = resolved(&["a"], refers).unwrap_err();
        let told = "it refers in a circle: version 1 of b, version 1 of c, version 1 of b";
        assert_eq!(error.to_string(), told);
        assert_eq!(error.class(), crate::failure::Class::DeadLetter);
    }

    #[test]
    fn what_has_no_end_ends() {
        let deep = |subject: &str| vec![format!("{subject}x")];
        assert!(matches!(resolved(&["a"], deep), Err(ReferenceError::TooDeep(_))));
        let chain = |most: usize| {
            move |subject: &str| if subject.len() < most { vec![format!("{subject}x")] } else { Vec::new() }
        };
        assert_eq!(resolved(&["a"], chain(DEEPEST)).unwrap().len(), DEEPEST);
        assert!(resolved(&["a"], chain(DEEPEST + 1)).is_err());

        let many = |count: usize| (0..count).map(|at| format!("s{at}")).collect::<Vec<_>>();
        let wide = |count: usize| {
            let all = many(count);
            resolved(&all.iter().map(String::as_str).collect::<Vec<_>>(), |_| Vec::new())
        };
        assert_eq!(wide(MOST).unwrap().len(), MOST);
        assert_eq!(wide(MOST + 1), Err(ReferenceError::TooMany));

        let mut large = References::of(vec![place("a"), place("b")]);
        for _ in 0..2 {
            large.wanted().unwrap().unwrap();
            let given = large.give(" ".repeat(LARGEST / 2 + 1), Vec::new());
            assert_eq!(given.is_err(), large.texts.len() == 1, "{given:?}");
        }
    }
}
