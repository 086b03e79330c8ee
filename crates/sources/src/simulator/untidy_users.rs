//! Writes a user's flaws into their JSON, and what changed of somebody who comes again.

use super::draw::{Draw, Purpose};
use super::member::Member;
use super::untidy_shares::Flaw;
use super::user;

const NO_BREAK_SPACE: char = '\u{a0}';

/// What people write where they have nothing to say.
const NOTHINGS: [&str; 5] = [r#""n/a""#, r#""none""#, r#""unknown""#, r#""-""#, r#""???""#];

/// No date by `events.md`: it reads RFC 3339 and YYYY-MM-DD of days that there are.
const NO_DATES: [&str; 8] = [
    r#""31/12/1980""#,
    r#""12.05.1979""#,
    r#""Feb 3, 1991""#,
    r#""1985-02-30""#,
    r#""0000-00-00""#,
    r#""1978-13-01T00:00:00Z""#,
    r#""196""#,
    r#""unknown""#,
];

/// Days that systems put where there is none.
const PLACEHOLDER_BIRTHS: [&str; 2] = [r#""1900-01-01T00:00:00.000Z""#, r#""1970-01-01T00:00:00.000Z""#];
const PLACEHOLDER_REGISTRATION: &str = r#""1970-01-01T00:00:00.000Z""#;

/// Texts that may be empty. Names are not among them: forms insist on those.
const EMPTY_TEXTS: [&str; 4] = ["$.location.street.name", "$.location.city", "$.location.state", "$.gender"];

/// Texts with blanks too many.
const BLANK_TEXTS: [&str; 7] = [
    "$.name.first",
    "$.name.last",
    "$.location.street.name",
    "$.location.city",
    "$.location.state",
    "$.email",
    "$.phone",
];

/// What somebody types with the key for capitals locked.
const TYPED: [&str; 6] = [
    "$.name.first",
    "$.name.last",
    "$.location.street.name",
    "$.location.city",
    "$.location.state",
    "$.email",
];

/// A user's JSON, which ends `out`.
struct Form<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    draw: Draw,
}

/// Writes flaws into the user who starts at `start` and ends with `out`. `draw` is the one that drew them.
pub(super) fn spoil(flaws: &[Flaw], draw: Draw, out: &mut Vec<u8>, start: usize) {
    let mut form = Form { out, start, draw };
    for flaw in flaws {
        form.spoil(*flaw);
    }
}

/// Appends user `number`, who is user `first` again with another address, mail or phone, or several of them.
pub(super) fn write_changed(seed: u64, first: u64, number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    user::write(seed, first, first, out);
    let mut now = Vec::new();
    user::write(seed, first, number, &mut now);
    let mut draw = Draw::new(seed, Purpose::Change, number);
    let (moved, mail, phone) = (draw.below(2) == 0, draw.below(3) == 0, draw.below(2) == 0);
    let mut form = Form { out, start, draw };
    let mut take = |path: &str| {
        let member = Member::find(&now, path);
        form.put(path, &now[member.value..member.end]);
    };
    if moved {
        take("$.location");
    }
    if phone || !(moved || mail) {
        take("$.phone");
        take("$.cell");
    }
    if mail {
        take("$.email");
        // The domain may be the same again.
        let mark = 10 + form.draw.below(90);
        form.change("$.email", |email| email.replacen('@', &format!("{mark}@"), 1));
    }
}

impl Form<'_> {
    fn spoil(&mut self, flaw: Flaw) {
        match flaw {
            Flaw::NoId => self.leave_out("$.login.uuid"),
            Flaw::NoPhone => self.leave_out("$.phone"),
            Flaw::MalformedPhone => self.mistype_phone(),
            Flaw::NoEmail => self.leave_out("$.email"),
            Flaw::MalformedEmail => self.mistype_email(),
            Flaw::NoPostcode => self.leave_out("$.location.postcode"),
            Flaw::MalformedPostcode => self.mistype_postcode(),
            Flaw::NoBirth => self.leave_out("$.dob.date"),
            Flaw::MalformedBirth => self.put_one("$.dob.date", &NO_DATES),
            Flaw::PlaceholderBirth => self.put_one("$.dob.date", &PLACEHOLDER_BIRTHS),
            Flaw::NoRegistration => self.leave_out("$.registered.date"),
            Flaw::MalformedRegistration => self.put_one("$.registered.date", &NO_DATES),
            Flaw::PlaceholderRegistration => {
                self.put("$.registered.date", PLACEHOLDER_REGISTRATION.as_bytes())
            }
            Flaw::EmptyText => {
                let path = self.draw.word(&EMPTY_TEXTS);
                self.leave_out(path);
            }
            Flaw::Blanks => self.add_blanks(),
            Flaw::Case => self.change_case(),
        }
    }

    /// Makes a value absent, in each of the ways in which it can be.
    fn leave_out(&mut self, path: &str) {
        match self.draw.below(4) {
            0 => self.put(path, b"null"),
            1 => self.put(path, br#""""#),
            2 => self.put(path, br#"" ""#),
            _ => {
                let member = Member::find(&self.out[self.start..], path);
                let (key, end) = (self.start + member.key, self.start + member.end);
                match self.out.get(end) {
                    Some(b',') => drop(self.out.drain(key..=end)),
                    // The last of an object would leave a comma behind.
                    _ => self.put(path, b"null"),
                }
            }
        }
    }

    /// Fewer digits than a phone number has, or more, or none.
    fn mistype_phone(&mut self) {
        match self.draw.below(3) {
            0 => self.put_one("$.phone", &NOTHINGS),
            1 => self.change("$.phone", |phone| phone.chars().take(6).collect()),
            _ => self.change("$.phone", |phone| format!("{phone} / {phone}")),
        }
    }

    fn mistype_email(&mut self) {
        let kind = self.draw.below(8);
        if kind == 0 {
            return self.put_one("$.email", &NOTHINGS);
        }
        self.change("$.email", |email| {
            let (local, domain) = email.split_once('@').unwrap_or((email, ""));
            match kind {
                1 => format!("{local}.{domain}"),
                2 => format!("{local}@@{domain}"),
                3 => format!("{local}@"),
                4 => format!("{local}@{}", domain.replace('.', ",")),
                5 => format!("{local}@{domain}."),
                6 => format!("{}@{domain}", local.replacen('.', " ", 1)),
                _ => format!("{local} <{email}>"),
            }
        });
    }

    fn mistype_postcode(&mut self) {
        match self.draw.below(3) {
            0 => self.put_one("$.location.postcode", &NOTHINGS),
            // A number of the nations whose postcodes are numbers.
            1 => self.put("$.location.postcode", b"0"),
            _ => self.change("$.location.postcode", |code| {
                let cut: String = code.chars().take(2).collect();
                format!("{cut}?")
            }),
        }
    }

    fn add_blanks(&mut self) {
        let path = self.draw.word(&BLANK_TEXTS);
        let blank = *self.draw.pick(&[' ', ' ', NO_BREAK_SPACE]);
        let kind = self.draw.below(4);
        self.change(path, |text| match kind {
            0 => format!("{blank}{text}"),
            1 => format!("{text}{blank}"),
            2 => format!("{blank}{blank}{text}{blank}"),
            // Within where there is a blank, else behind.
            _ if text.contains(' ') => text.replace(' ', &format!("{blank} ")),
            _ => format!("{text}{blank}{blank}"),
        });
    }

    fn change_case(&mut self) {
        let capitals = self.draw.below(2) == 0;
        for path in TYPED {
            self.change(path, |text| if capitals { text.to_uppercase() } else { text.to_lowercase() });
        }
    }

    fn put_one(&mut self, path: &str, values: &[&'static str]) {
        let value = self.draw.word(values);
        self.put(path, value.as_bytes());
    }

    /// Puts another value where one is; nothing where it was left out.
    fn put(&mut self, path: &str, value: &[u8]) {
        let member = Member::find(&self.out[self.start..], path);
        self.out.splice(self.start + member.value..self.start + member.end, value.iter().copied());
    }

    /// Changes a text, or a number to a text; leaves alone what is neither.
    fn change(&mut self, path: &str, change: impl FnOnce(&str) -> String) {
        let member = Member::find(&self.out[self.start..], path);
        let value = &self.out[self.start + member.value..self.start + member.end];
        let Ok(value) = std::str::from_utf8(value) else { return };
        let text = value.trim_matches('"');
        if value.is_empty() || value == "null" || value.starts_with(['{', '[']) {
            return;
        }
        let changed = format!("\"{}\"", change(text));
        self.put(path, changed.as_bytes());
    }
}
