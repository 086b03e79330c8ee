//! Who a simulated user is: what is drawn first of their identity, so that an id needs no whole user.

use super::draw::{Draw, Purpose};
use super::location::write_location;
use super::nations::{NATIONS, Name, Nation};

/// A person, up to their login.
pub(super) struct Person {
    pub(super) nation: &'static Nation,
    pub(super) is_female: bool,
    pub(super) first: &'static Name,
    pub(super) last: &'static Name,
    pub(super) title: &'static str,
}

impl Person {
    /// Draws from the start of an identity's stream. The order of the draws is part of the seed.
    pub(super) fn draw(identity: &mut Draw) -> Self {
        let nation: &'static Nation = identity.pick(&NATIONS);
        let is_female = identity.below(2) == 0;
        let firsts = if is_female { &nation.female } else { &nation.male };
        let (first, last) = (identity.pick(firsts), identity.pick(&nation.last));
        Self { nation, is_female, first, last, title: title(nation, is_female, identity) }
    }
}

fn title(nation: &Nation, is_female: bool, draw: &mut Draw) -> &'static str {
    match (nation.code, is_female) {
        ("CH", false) => "Monsieur",
        ("CH", true) => draw.word(&["Madame", "Mademoiselle"]),
        (_, false) => "Mr",
        (_, true) => draw.word(&["Mrs", "Ms", "Miss"]),
    }
}

/// The uuid of user `origin`, which is drawn right behind the person, and how many minutes the clock of user `number` is
/// ahead of UTC. Appends to `scratch`.
pub(super) fn id_and_offset(seed: u64, origin: u64, number: u64, scratch: &mut Vec<u8>) -> ([u8; 16], i32) {
    let mut identity = Draw::new(seed, Purpose::Identity, origin);
    let person = Person::draw(&mut identity);
    let offset = write_location(person.nation, &mut Draw::new(seed, Purpose::Contact, number), scratch);
    (identity.uuid_bytes(), minutes(offset))
}

/// `-3:30` is -210.
fn minutes(offset: &str) -> i32 {
    let (sign, digits) = match offset.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, offset.trim_start_matches('+')),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    sign * (hours.parse().unwrap_or(0) * 60 + minutes.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_minutes() {
        for (text, expected) in [("0:00", 0), ("+5:45", 345), ("-3:30", -210), ("-11:00", -660)] {
            assert_eq!(minutes(text), expected, "{text}");
        }
    }
}
