//! Users as other teams' producers write them in JSON: flat or nested, and the API's own shape for mended dead letters.

use std::borrow::Cow;

use jiter::Peek;

use crate::api_user;
use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::json_cursor::{Cursor, NotJson};
use crate::row::{Cell, RowBuffer};
use crate::user::{FIELDS, Field, Text, Unparsable, User};

/// Whose shape a JSON user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Api,
    /// Flat or nested: they differ in `address` alone.
    External,
}

/// The `source` of users in an older shape: another team's.
pub(crate) const EXTERNAL: &str = "external";

/// Decodes a JSON user of any of the older shapes into `row`, which has to be clear.
///
/// `source` is what the record's headers say of where a user in the API's own shape came from. `event` has to be
/// UserCreated, or it with further fields.
pub(crate) fn decode(
    text: &str,
    source: Option<&str>,
    event: &Event,
    row: &mut RowBuffer,
) -> Result<(), DecodeError> {
    let mut user = decode_text(text, source).map_err(|error| match error {
        Fault::NotJson(error) => DecodeError::Undecodable {
            format: "JSON",
            reason: format!("{} at byte {}", error.reason, error.index),
        },
        Fault::Refused(refusal) => refusal,
    })?;
    if user[Text::Source].is_none() {
        user[Text::Source] = Some(Cow::Borrowed(EXTERNAL));
    }
    fill(&user, event, row);
    Ok(())
}

fn fill(user: &User<'_>, event: &Event, row: &mut RowBuffer) {
    let numbers = &user.numbers;
    for (field, number) in FIELDS.into_iter().zip(1..) {
        let Some((slot, _)) = event.slot_of_number(number) else { continue };
        let cell = match field {
            Field::Text(text) => {
                if let Some(text) = &user[text] {
                    row.put_text(slot, text);
                }
                continue;
            }
            Field::Latitude => numbers.latitude.map(Cell::Double),
            Field::Longitude => numbers.longitude.map(Cell::Double),
            Field::Dob => numbers.dob.map(Cell::Int),
            Field::RegisteredAt => numbers.registered_at.map(Cell::Int),
            Field::FetchedAt => numbers.fetched_at.map(Cell::Int),
            Field::SourcePage => numbers.source_page.map(|page| Cell::Int(i64::from(page))),
        };
        row.put(slot, cell.unwrap_or(Cell::Absent));
    }
}

enum Fault {
    NotJson(NotJson),
    Refused(DecodeError),
}

impl From<NotJson> for Fault {
    fn from(error: NotJson) -> Self {
        Self::NotJson(error)
    }
}

fn decode_text<'j>(text: &'j str, source: Option<&'j str>) -> Result<User<'j>, Fault> {
    // What cannot be parsed is null and counted at the source; in the stream there is nobody to tell.
    let mut unparsable = Unparsable::default();
    let mut cursor = Cursor::new(text);
    let user = match shape(text)? {
        Shape::Api => {
            let mut user = api_user::read(&mut cursor, &mut unparsable)?;
            user[Text::Source] = source.map(Cow::Borrowed);
            user.enrich();
            user
        }
        Shape::External => read_external(&mut cursor, &mut unparsable)?,
    };
    cursor.finish()?;
    match cursor.take_fault() {
        Some(refusal) => Err(Fault::Refused(refusal)),
        None => Ok(user),
    }
}

/// The first key that only one of the shapes has decides.
fn shape(text: &str) -> Result<Shape, NotJson> {
    let mut shape = None;
    let mut cursor = Cursor::new(text);
    if cursor.peek()? != Peek::Object {
        return Ok(Shape::External);
    }
    let read = cursor.object("$", |cursor, key, _| {
        let peek = cursor.peek()?;
        let is_object = peek == Peek::Object;
        shape = match key {
            "login" | "nat" => Some(Shape::Api),
            "name" | "location" | "registered" | "dob" | "id" | "picture" if is_object => Some(Shape::Api),
            "first_name" | "last_name" | "address" | "post_code" | "username" | "registered_date"
            | "nationality" => Some(Shape::External),
            "dob" | "id" | "picture" if peek != Peek::Null => Some(Shape::External),
            _ => None,
        };
        if shape.is_some() {
            // Nothing further is looked at: the reading itself finds what is no JSON.
            return Err(NotJson { reason: String::new(), index: 0 });
        }
        cursor.skip()
    });
    match shape {
        Some(shape) => Ok(shape),
        None => read.map(|_| Shape::External),
    }
}

fn read_external<'j>(cursor: &mut Cursor<'j>, unparsable: &mut Unparsable) -> Result<User<'j>, NotJson> {
    let mut user = User::default();
    if cursor.peek()? == Peek::Null {
        cursor.wrong_type("$", Peek::Null, "an object");
    }
    let (mut post_code, mut nested_postcode) = (None, None);
    cursor.object("$", |cursor, key, seen| {
        let (bit, path, field) = match key {
            "address" => {
                cursor.first(seen, 0, "$.address");
                nested_postcode = read_address(cursor, &mut user, unparsable)?;
                return Ok(());
            }
            "dob" => {
                cursor.first(seen, 1, "$.dob");
                user.numbers.dob = unparsable.instant("dob", cursor.text("$.dob")?);
                return Ok(());
            }
            "registered_date" => {
                cursor.first(seen, 2, "$.registered_date");
                user.numbers.registered_at =
                    unparsable.instant("registered_at", cursor.text("$.registered_date")?);
                return Ok(());
            }
            "id" => (3, "$.id", &mut user[Text::UserId]),
            "first_name" => (4, "$.first_name", &mut user[Text::FirstName]),
            "last_name" => (5, "$.last_name", &mut user[Text::LastName]),
            "gender" => (6, "$.gender", &mut user[Text::Gender]),
            "post_code" => (7, "$.post_code", &mut post_code),
            "email" => (8, "$.email", &mut user[Text::Email]),
            "username" => (9, "$.username", &mut user[Text::Username]),
            "phone" => (10, "$.phone", &mut user[Text::Phone]),
            "cell" => (11, "$.cell", &mut user[Text::Cell]),
            "nationality" => (12, "$.nationality", &mut user[Text::CountryCode]),
            "picture" => (13, "$.picture", &mut user[Text::PictureUrl]),
            // `password` among them
            _ => return cursor.skip(),
        };
        cursor.first(seen, bit, path);
        *field = cursor.text(path)?;
        Ok(())
    })?;
    user[Text::Postcode] = nested_postcode.or(post_code);
    Ok(user)
}

/// Reads `address`, a flat text or a nested object; answers the nested one's postcode.
fn read_address<'j>(
    cursor: &mut Cursor<'j>,
    user: &mut User<'j>,
    unparsable: &mut Unparsable,
) -> Result<Option<Cow<'j, str>>, NotJson> {
    if matches!(cursor.peek()?, Peek::String) {
        if let Some(address) = cursor.text("$.address")? {
            let cut = Address::cut(&address);
            take_street(cut.street, user);
            for (text, part) in
                [(Text::City, cut.city), (Text::State, cut.state), (Text::Country, cut.country)]
            {
                user[text] = part.map(owned);
            }
        }
        return Ok(None);
    }
    let mut postcode = None;
    cursor.object("$.address", |cursor, key, seen| {
        let (bit, path, field) = match key {
            "street" => {
                cursor.first(seen, 0, "$.address.street");
                return read_street(cursor, user);
            }
            "coordinates" => {
                cursor.first(seen, 1, "$.address.coordinates");
                return api_user::read_coordinates(cursor, "$.address.coordinates", user, unparsable);
            }
            "timezone" => {
                cursor.first(seen, 2, "$.address.timezone");
                return api_user::read_timezone(cursor, "$.address.timezone", user);
            }
            "city" => (3, "$.address.city", &mut user[Text::City]),
            "state" => (4, "$.address.state", &mut user[Text::State]),
            "country" => (5, "$.address.country", &mut user[Text::Country]),
            "postcode" => (6, "$.address.postcode", &mut postcode),
            _ => return cursor.skip(),
        };
        cursor.first(seen, bit, path);
        *field = cursor.text(path)?;
        Ok(())
    })?;
    Ok(postcode)
}

/// A street is a text whose first word may be the number, or `{"number", "name"}`.
fn read_street<'j>(cursor: &mut Cursor<'j>, user: &mut User<'j>) -> Result<(), NotJson> {
    if matches!(cursor.peek()?, Peek::Object) {
        return api_user::read_street(cursor, "$.address.street", user);
    }
    if let Some(street) = cursor.text("$.address.street")? {
        take_street(Street::cut(&street), user);
    }
    Ok(())
}

fn take_street(street: Street<'_>, user: &mut User<'_>) {
    user[Text::StreetNumber] = street.number.map(owned);
    user[Text::StreetName] = street.name.map(owned);
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

/// A flat address, cut.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Address<'a> {
    pub(crate) street: Street<'a>,
    pub(crate) city: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
    pub(crate) country: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// `<street>, <city>, <state>, <country>`: cut at the last three commas, so that further ones stay in the street;
    /// with fewer than three all of it is the street.
    pub(crate) fn cut(address: &'a str) -> Self {
        let mut parts = address.rsplitn(4, ',');
        let (country, state, city, street) = (parts.next(), parts.next(), parts.next(), parts.next());
        let Some(street) = street else {
            return Self { street: Street::cut(address), ..Self::default() };
        };
        let part = |text: Option<&'a str>| text.map(str::trim).filter(|text| !text.is_empty());
        Self { street: Street::cut(street), city: part(city), state: part(state), country: part(country) }
    }
}

/// A street in one text, cut.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Street<'a> {
    pub(crate) number: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

impl<'a> Street<'a> {
    /// The first word is the number if it begins with a digit.
    pub(crate) fn cut(street: &'a str) -> Self {
        let street = street.trim();
        let first = street.split_whitespace().next().unwrap_or_default();
        let (number, name) = match first.starts_with(|c: char| c.is_ascii_digit()) {
            true => (first, street[first.len()..].trim_start()),
            false => ("", street),
        };
        let present = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self { number: present(number), name: present(name) }
    }
}
