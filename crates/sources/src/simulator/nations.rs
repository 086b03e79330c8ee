//! The words and forms of each nationality, from `nations.tsv`.

use std::sync::LazyLock;

use super::ascii::email_part;

/// What the users of one nationality are made of.
///
/// Templates have a `#` for each digit and an `@` for each capital letter.
#[derive(Debug, Default)]
pub(super) struct Nation {
    pub(super) code: &'static str,
    pub(super) country: &'static str,
    pub(super) female: Vec<Name>,
    pub(super) male: Vec<Name>,
    pub(super) last: Vec<Name>,
    pub(super) streets: Vec<&'static str>,
    pub(super) cities: Vec<&'static str>,
    pub(super) states: Vec<&'static str>,
    pub(super) phone: &'static str,
    pub(super) cell: &'static str,
    /// The national id's name and template; `None` where the API gives a null id.
    pub(super) id: Option<(&'static str, &'static str)>,
    pub(super) postcode: Postcode,
}

#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: &'static str,
    pub(super) email_part: String,
}

/// A number for most nationalities, as the API gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Postcode {
    Number { first: u32, last: u32 },
    Text { template: &'static str },
}

impl Default for Postcode {
    fn default() -> Self {
        Self::Text { template: "" }
    }
}

/// The API's 21 nationalities. Their order is part of the seed: changing it changes every simulated user.
pub(super) static NATIONS: LazyLock<Vec<Nation>> = LazyLock::new(|| read(include_str!("nations.tsv")));

/// Lines of nationality, field and value, tabs between; values with several words have `|` between them.
fn read(table: &'static str) -> Vec<Nation> {
    let mut nations: Vec<Nation> = Vec::new();
    for line in table.lines() {
        let mut cells = line.splitn(3, '\t');
        let [code, field, value] = std::array::from_fn(|_| cells.next().unwrap_or_default());
        if nations.last().is_none_or(|nation| nation.code != code) {
            nations.push(Nation { code, ..Nation::default() });
        }
        if let Some(nation) = nations.last_mut() {
            nation.set(field, value);
        }
    }
    nations
}

impl Nation {
    fn set(&mut self, field: &str, value: &'static str) {
        let words = || value.split('|').collect::<Vec<_>>();
        let names =
            || value.split('|').map(|text| Name { text, email_part: email_part(text) }).collect::<Vec<_>>();
        match field {
            "country" => self.country = value,
            "female" => self.female = names(),
            "male" => self.male = names(),
            "last" => self.last = names(),
            "street" => self.streets = words(),
            "city" => self.cities = words(),
            "state" => self.states = words(),
            "phone" => self.phone = value,
            "cell" => self.cell = value,
            "id" => self.id = value.split_once(' '),
            "postcode" => self.postcode = Postcode::read(value),
            // A test holds that every nation has all of its fields, so a misspelled one is seen there.
            _ => {}
        }
    }
}

impl Postcode {
    fn read(value: &'static str) -> Self {
        let range =
            value.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        match range {
            Some((first, last)) => Self::Number { first, last },
            None => Self::Text { template: value },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_21_are_complete() {
        let codes: Vec<_> = NATIONS.iter().map(|nation| nation.code).collect();
        let api = "AU BR CA CH DE DK ES FI FR GB IE IN IR MX NL NO NZ RS TR UA US";
        assert_eq!(codes.join(" "), api);
        for nation in NATIONS.iter() {
            for names in [&nation.female, &nation.male, &nation.last] {
                assert!(names.len() >= 15, "{}", nation.code);
                assert!(names.iter().all(|name| name.email_part.len() >= 2), "{:?}", names);
                assert!(names.iter().all(|name| name.email_part.chars().all(|c| c.is_ascii_alphanumeric())));
            }
            for words in [&nation.streets, &nation.cities, &nation.states] {
                assert!(
                    words.len() >= 5 && words.iter().all(|word| !word.trim().is_empty()),
                    "{}",
                    nation.code
                );
            }
            for template in [nation.phone, nation.cell] {
                let digits =
                    template.bytes().filter(u8::is_ascii_digit).count() + template.matches('#').count();
                assert!((7..=12).contains(&digits), "{}: {template}", nation.code);
            }
            assert!(!nation.country.is_empty());
            match nation.postcode {
                Postcode::Number { first, last } => assert!(first < last, "{}", nation.code),
                Postcode::Text { template } => assert!(template.contains('#'), "{}", nation.code),
            }
        }
    }

    #[test]
    fn postcodes_and_ids_are_of_the_kinds_that_the_api_gives() {
        let with = |wanted: fn(&Nation) -> bool| {
            NATIONS.iter().filter(|nation| wanted(nation)).map(|nation| nation.code).collect::<Vec<_>>()
        };
        assert_eq!(with(|nation| matches!(nation.postcode, Postcode::Text { .. })), ["CA", "GB", "NO"]);
        assert_eq!(with(|nation| nation.id.is_none()), ["IR", "NZ", "TR", "UA"]);
        assert_eq!(with(|nation| nation.phone == "########"), ["DK", "NO"]);
    }

    #[test]
    fn no_word_needs_escaping_in_json() {
        assert!(!include_str!("nations.tsv").contains(['"', '\\', '\r']));
    }
}
