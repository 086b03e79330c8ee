//! The older shapes of users as producers nearly always write them, several times faster than the careful reading in
//! `external_user`: texts without escapes, numbers and nulls, in an object or in its address. It answers alike where it answers.

use crate::event::Event;
use crate::external_user::{Address, EXTERNAL, Street};
use crate::json_cursor::is_blank;
use crate::json_fast_path::Plain;
use crate::row::{Cell, RowBuffer};
use crate::user::{self, Field, Text};

const LATITUDE: u32 = Field::Latitude.number();
const LONGITUDE: u32 = Field::Longitude.number();
const DOB: u32 = Field::Dob.number();
const REGISTERED_AT: u32 = Field::RegisteredAt.number();

/// Reads a flat or nested user into `row`, which has to be clear. `None` where something is not plain, right or wrong, or where it may be a
/// user of another shape: then the row holds anything, and the careful reading decides. `recognised_by` is the key that only the
/// event's own JSON has.
pub(crate) fn read(text: &str, recognised_by: &str, event: &Event, row: &mut RowBuffer) -> Option<()> {
    let mut plain = Plain::new(text);
    let mut user = PlainUser { text, event, row };
    let (mut post_code, mut nested_postcode) = (None, None);
    let mut seen = Seen::default();
    plain.object(|plain, key| {
        let (bit, field) = match key {
            "id" => (0, Text::UserId),
            "first_name" => (1, Text::FirstName),
            "last_name" => (2, Text::LastName),
            "gender" => (3, Text::Gender),
            "email" => (4, Text::Email),
            "username" => (5, Text::Username),
            "phone" => (6, Text::Phone),
            "cell" => (7, Text::Cell),
            "nationality" => (8, Text::CountryCode),
            "picture" => (9, Text::PictureUrl),
            "post_code" => {
                post_code = value(plain)?;
                return seen.first(10);
            }
            "address" => {
                nested_postcode = user.address(plain)?;
                return seen.first(11);
            }
            "dob" => {
                user.instant(DOB, value(plain)?);
                return seen.first(12);
            }
            "registered_date" => {
                user.instant(REGISTERED_AT, value(plain)?);
                return seen.first(13);
            }
            // The keys of the API's own shape and of the event's: which one it is depends on what stands before them.
            "name" | "location" | "login" | "registered" | "nat" => return None,
            _ if key == recognised_by => return None,
            // `password` among them
            _ => return plain.value().map(drop),
        };
        user.put(field, value(plain)?);
        seen.first(bit)
    })?;
    plain.end()?;
    user.put(Text::Postcode, nested_postcode.or(post_code));
    row.hold(text.as_bytes());
    if let Some((slot, _)) = event.slot_of_number(Text::Source.number()) {
        row.put_text(slot, EXTERNAL);
    }
    Some(())
}

/// A text, or a number's own characters; null, empty and blank are absent.
#[inline]
fn value<'j>(plain: &mut Plain<'j>) -> Option<Option<&'j str>> {
    let (value, _) = plain.value()?;
    Some(value.filter(|value| !is_blank(value)))
}

/// Which known keys of one object have occurred.
#[derive(Default)]
struct Seen(u32);

impl Seen {
    /// `None` where it has before.
    #[inline]
    fn first(&mut self, bit: u32) -> Option<()> {
        let before = self.0;
        self.0 |= 1 << bit;
        (before != self.0).then_some(())
    }
}

struct PlainUser<'j, 'r> {
    text: &'j str,
    event: &'r Event,
    row: &'r mut RowBuffer,
}

impl<'j> PlainUser<'j, '_> {
    #[inline]
    fn put(&mut self, field: Text, part: Option<&'j str>) {
        if let (Some(part), Some((slot, _))) = (part, self.event.slot_of_number(field.number())) {
            self.row.put_part(slot, self.text, part);
        }
    }

    #[inline]
    fn put_number(&mut self, number: u32, cell: Option<Cell>) {
        if let (Some(cell), Some((slot, _))) = (cell, self.event.slot_of_number(number)) {
            self.row.put(slot, cell);
        }
    }

    fn instant(&mut self, number: u32, text: Option<&str>) {
        self.put_number(number, text.and_then(user::instant).map(Cell::Int));
    }

    fn coordinate(&mut self, number: u32, text: Option<&str>) {
        self.put_number(number, text.and_then(user::coordinate).map(Cell::Double));
    }

    /// Reads `address`, flat or nested; answers the nested one's postcode.
    fn address(&mut self, plain: &mut Plain<'j>) -> Option<Option<&'j str>> {
        if plain.peek()? != b'{' {
            let (address, is_text) = plain.value()?;
            if !is_text {
                return None;
            }
            if let Some(address) = address.filter(|address| !is_blank(address)) {
                let Address { street, city, state, country } = Address::cut(address);
                self.street(street);
                self.put(Text::City, city);
                self.put(Text::State, state);
                self.put(Text::Country, country);
            }
            return Some(None);
        }
        let mut postcode = None;
        let mut seen = Seen::default();
        plain.object(|plain, key| {
            let (bit, field) = match key {
                "city" => (0, Text::City),
                "state" => (1, Text::State),
                "country" => (2, Text::Country),
                "postcode" => {
                    postcode = value(plain)?;
                    return seen.first(3);
                }
                "street" => {
                    // One in parts is an object, which is no plain value.
                    self.street(value(plain)?.map(Street::cut).unwrap_or_default());
                    return seen.first(4);
                }
                "coordinates" => {
                    self.coordinates(plain)?;
                    return seen.first(5);
                }
                "timezone" => {
                    self.timezone(plain)?;
                    return seen.first(6);
                }
                _ => return plain.value().map(drop),
            };
            self.put(field, value(plain)?);
            seen.first(bit)
        })?;
        Some(postcode)
    }

    fn street(&mut self, street: Street<'j>) {
        self.put(Text::StreetNumber, street.number);
        self.put(Text::StreetName, street.name);
    }

    fn coordinates(&mut self, plain: &mut Plain<'j>) -> Option<()> {
        let mut seen = Seen::default();
        plain.object(|plain, key| {
            let (bit, number) = match key {
                "latitude" => (0, LATITUDE),
                "longitude" => (1, LONGITUDE),
                _ => return plain.value().map(drop),
            };
            self.coordinate(number, value(plain)?);
            seen.first(bit)
        })
    }

    fn timezone(&mut self, plain: &mut Plain<'j>) -> Option<()> {
        let mut seen = Seen::default();
        plain.object(|plain, key| {
            let (bit, field) = match key {
                "offset" => (0, Text::TimezoneOffset),
                "description" => (1, Text::TimezoneDescription),
                _ => return plain.value().map(drop),
            };
            self.put(field, value(plain)?);
            seen.first(bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::{option, sample};

    use super::*;
    use crate::{event_catalogue, external_user};

    fn is_plain(text: &str) -> bool {
        let event = event_catalogue::user_created();
        read(text, "user_id", event, &mut RowBuffer::new(event)).is_some()
    }

    #[test]
    fn what_is_plain_is_read() {
        assert!(is_plain(
            r#" {"id" : "x" , "address":{"street":"1 A","postcode":7,"new":null},"password":"p"} "#
        ));
        assert!(is_plain(r#"{"first_name":"A","address":"1 A, B, C, D","dob":null}"#));
        for not_plain in [
            r#"{"id":"x","id":"x"}"#,
            r#"{"id":"x","address":{"city":"A","city":"A"}}"#,
            r#"{"id":"\u0041"}"#,
            r#"{"id":"x","address":{"street":{"number":1,"name":"A"}}}"#,
            r#"{"id":"x","address":7}"#,
            r#"{"id":"x","address":null,"x":[]}"#,
            // Other shapes
            r#"{"gender":"male","name":{"first":"A"}}"#,
            r#"{"user_id":"x"}"#,
            "{}",
            "null",
        ] {
            assert!(!is_plain(not_plain), "{not_plain}");
        }
    }

    /// A value that a user may have at any key, mostly a plain one.
    fn any_value() -> impl Strategy<Value = String> {
        prop_oneof![
            20 => "\"([A-Zé0-9 .,:-]{0,9}|-?[0-9]{1,2}\\.5|1987-05-02T10:11:12.345Z|2016-03-04)\"",
            6 => "-?[1-9][0-9]{0,2}(\\.[0-9])?|null",
            1 => "true|\\[\\]|\\{\\}|\"\\\\u00e9\"",
        ]
    }

    /// An object of some of these keys, in any order; now and then a key is there twice.
    fn any_object(keys: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        let some = sample::subsequence(keys, 0..=keys.len()).prop_shuffle();
        (some, option::weighted(0.05, sample::select(keys))).prop_flat_map(|(mut some, twice)| {
            some.extend(twice);
            let values = vec(any_value(), some.len());
            values.prop_map(move |values| {
                some.iter().zip(values).map(|(key, value)| format!("\"{key}\":{value}")).collect()
            })
        })
    }

    fn object(members: &[String]) -> String {
        format!("{{{}}}", members.join(", "))
    }

    /// A user, plain or not, of any shape.
    fn any_user() -> impl Strategy<Value = String> {
        const KEYS: [&str; 15] = [
            "id",
            "first_name",
            "last_name",
            "gender",
            "email",
            "username",
            "phone",
            "cell",
            "nationality",
            "picture",
            "post_code",
            "dob",
            "registered_date",
            "password",
            "new",
        ];
        let nested = (
            any_object(&["street", "city", "state", "country", "postcode", "new"]),
            option::of(any_object(&["latitude", "longitude", "new"])),
            option::of(any_object(&["offset", "description", "new"])),
        );
        let nested = nested.prop_map(|(mut address, coordinates, timezone)| {
            address.extend(coordinates.map(|members| format!("\"coordinates\":{}", object(&members))));
            address.extend(timezone.map(|members| format!("\"timezone\":{}", object(&members))));
            object(&address)
        });
        let address = prop_oneof![3 => nested, 2 => "\"[A-Z0-9, ]{0,14}\"", 1 => "null|7"];
        let other =
            sample::select(vec![r#""name":"A""#, r#""nat":"DK""#, r#""user_id":"x""#, r#""login":{}"#]);
        (any_object(&KEYS), option::of(address), option::weighted(0.1, other)).prop_map(
            |(mut members, address, other)| {
                members.extend(address.map(|address| format!("\"address\":{address}")));
                members.extend(other.map(str::to_owned));
                object(&members)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        /// Where the quick reading answers, the careful one says the same.
        #[test]
        fn both_readings_agree(text in any_user()) {
            let event = event_catalogue::user_created();
            let mut quick = RowBuffer::new(event);
            if read(&text, "user_id", event, &mut quick).is_some() {
                prop_assert!(!crate::json_reader::has_key(&text, "user_id"), "{}", text);
                let mut careful = RowBuffer::new(event);
                prop_assert!(external_user::decode(&text, None, event, &mut careful).is_ok(), "{}", text);
                let (quick, careful) = (quick.row(event).unwrap(), careful.row(event).unwrap());
                for (slot, field) in event.fields().iter().enumerate() {
                    prop_assert!(quick.get(event, slot) == careful.get(event, slot), "{}: {}", field.name, text);
                }
            }
        }
    }
}
