//! One user in the API's own shape.

use jiter::Peek;

use crate::json_cursor::{Cursor, Member, NotJson};
use crate::user::{Text, Unparsable, User};

/// Reads the user at the cursor; what is wrong with it is the cursor's fault to take. Login secrets are passed over
/// where they stand, never held.
pub(crate) fn read<'j>(cursor: &mut Cursor<'j>, unparsable: &mut Unparsable) -> Result<User<'j>, NotJson> {
    let mut user = User::default();
    if cursor.peek()? == Peek::Null {
        cursor.wrong_type("$", Peek::Null, "an object");
        cursor.skip()?;
        return Ok(user);
    }
    cursor.object("$", |cursor, key, seen| {
        // Known is what the event carries; everything else may be there, or twice, or of any shape.
        let (bit, path) = match key {
            "gender" => (0, "$.gender"),
            "name" => (1, "$.name"),
            "location" => (2, "$.location"),
            "email" => (3, "$.email"),
            "login" => (4, "$.login"),
            "dob" => (5, "$.dob"),
            "registered" => (6, "$.registered"),
            "phone" => (7, "$.phone"),
            "cell" => (8, "$.cell"),
            "id" => (9, "$.id"),
            "picture" => (10, "$.picture"),
            "nat" => (11, "$.nat"),
            _ => return cursor.skip(),
        };
        cursor.first(seen, bit, path);
        match bit {
            0 => user[Text::Gender] = cursor.text(path)?,
            1 => read_name(cursor, &mut user)?,
            2 => read_location(cursor, &mut user, unparsable)?,
            3 => user[Text::Email] = cursor.text(path)?,
            4 => read_login(cursor, &mut user)?,
            5 => user.numbers.dob = read_date(cursor, "$.dob", "$.dob.date", "dob", unparsable)?,
            6 => {
                let path = ("$.registered", "$.registered.date");
                user.numbers.registered_at = read_date(cursor, path.0, path.1, "registered_at", unparsable)?;
            }
            7 => user[Text::Phone] = cursor.text(path)?,
            8 => user[Text::Cell] = cursor.text(path)?,
            9 => read_national_id(cursor, &mut user)?,
            10 => read_picture(cursor, &mut user)?,
            _ => user[Text::CountryCode] = cursor.text(path)?,
        }
        Ok(())
    })?;
    Ok(user)
}

fn read_name<'j>(cursor: &mut Cursor<'j>, user: &mut User<'j>) -> Result<(), NotJson> {
    cursor.object("$.name", |cursor, key, seen| {
        let (bit, path, field) = match key {
            "title" => (0, "$.name.title", &mut user[Text::Title]),
            "first" => (1, "$.name.first", &mut user[Text::FirstName]),
            "last" => (2, "$.name.last", &mut user[Text::LastName]),
            _ => return cursor.skip(),
        };
        cursor.first(seen, bit, path);
        *field = cursor.text(path)?;
        Ok(())
    })?;
    Ok(())
}

fn read_location<'j>(
    cursor: &mut Cursor<'j>,
    user: &mut User<'j>,
    unparsable: &mut Unparsable,
) -> Result<(), NotJson> {
    cursor.object("$.location", |cursor, key, seen| {
        let (bit, path, field) = match key {
            "street" => {
                cursor.first(seen, 0, "$.location.street");
                return read_street(cursor, "$.location.street", user);
            }
            "coordinates" => {
                cursor.first(seen, 1, "$.location.coordinates");
                return read_coordinates(cursor, "$.location.coordinates", user, unparsable);
            }
            "timezone" => {
                cursor.first(seen, 2, "$.location.timezone");
                return read_timezone(cursor, "$.location.timezone", user);
            }
            "city" => (3, "$.location.city", &mut user[Text::City]),
            "state" => (4, "$.location.state", &mut user[Text::State]),
            "country" => (5, "$.location.country", &mut user[Text::Country]),
            "postcode" => (6, "$.location.postcode", &mut user[Text::Postcode]),
            _ => return cursor.skip(),
        };
        cursor.first(seen, bit, path);
        *field = cursor.text(path)?;
        Ok(())
    })?;
    Ok(())
}

/// `{"number", "name"}` at `path`.
pub(crate) fn read_street<'j>(
    cursor: &mut Cursor<'j>,
    path: &str,
    user: &mut User<'j>,
) -> Result<(), NotJson> {
    cursor.object(path, |cursor, key, seen| {
        let (bit, field) = match key {
            "number" => (0, &mut user[Text::StreetNumber]),
            "name" => (1, &mut user[Text::StreetName]),
            _ => return cursor.skip(),
        };
        let path = Member(path, key);
        cursor.first(seen, bit, path);
        *field = cursor.text(path)?;
        Ok(())
    })?;
    Ok(())
}

/// `{"latitude", "longitude"}` at `path`.
pub(crate) fn read_coordinates<'j>(
    cursor: &mut Cursor<'j>,
    path: &str,
    user: &mut User<'j>,
    unparsable: &mut Unparsable,
) -> Result<(), NotJson> {
    cursor.object(path, |cursor, key, seen| {
        let (bit, name, field) = match key {
            "latitude" => (0, "latitude", &mut user.numbers.latitude),
            "longitude" => (1, "longitude", &mut user.numbers.longitude),
            _ => return cursor.skip(),
        };
        let path = Member(path, key);
        cursor.first(seen, bit, path);
        *field = unparsable.coordinate(name, cursor.text(path)?);
        Ok(())
    })?;
    Ok(())
}

/// `{"offset", "description"}` at `path`.
pub(crate) fn read_timezone<'j>(
    cursor: &mut Cursor<'j>,
    path: &str,
    user: &mut User<'j>,
) -> Result<(), NotJson> {
    cursor.object(path, |cursor, key, seen| {
        let (bit, field) = match key {
            "offset" => (0, &mut user[Text::TimezoneOffset]),
            "description" => (1, &mut user[Text::TimezoneDescription]),
            _ => return cursor.skip(),
        };
        let path = Member(path, key);
        cursor.first(seen, bit, path);
        *field = cursor.text(path)?;
        Ok(())
    })?;
    Ok(())
}

fn read_login<'j>(cursor: &mut Cursor<'j>, user: &mut User<'j>) -> Result<(), NotJson> {
    cursor.object("$.login", |cursor, key, seen| {
        let (bit, path, field) = match key {
            "uuid" => (0, "$.login.uuid", &mut user[Text::UserId]),
            "username" => (1, "$.login.username", &mut user[Text::Username]),
            // password, salt, md5, sha1 and sha256 among them
            _ => return cursor.skip(),
        };
        cursor.first(seen, bit, path);
        let text = cursor.text(path)?;
        // A user with two is a dead letter, whose key is the first that it has.
        *field = field.take().or(text);
        Ok(())
    })?;
    Ok(())
}

fn read_date(
    cursor: &mut Cursor<'_>,
    path: &str,
    date_path: &str,
    field: &'static str,
    unparsable: &mut Unparsable,
) -> Result<Option<i64>, NotJson> {
    let mut instant = None;
    cursor.object(path, |cursor, key, seen| {
        if key != "date" {
            return cursor.skip();
        }
        cursor.first(seen, 0, date_path);
        instant = unparsable.instant(field, cursor.text(date_path)?);
        Ok(())
    })?;
    Ok(instant)
}

fn read_national_id<'j>(cursor: &mut Cursor<'j>, user: &mut User<'j>) -> Result<(), NotJson> {
    cursor.object("$.id", |cursor, key, seen| {
        let (bit, path, field) = match key {
            "name" => (0, "$.id.name", &mut user[Text::NationalIdName]),
            "value" => (1, "$.id.value", &mut user[Text::NationalIdValue]),
            _ => return cursor.skip(),
        };
        cursor.first(seen, bit, path);
        *field = cursor.text(path)?;
        Ok(())
    })?;
    Ok(())
}

fn read_picture<'j>(cursor: &mut Cursor<'j>, user: &mut User<'j>) -> Result<(), NotJson> {
    cursor.object("$.picture", |cursor, key, seen| {
        if key != "large" {
            return cursor.skip();
        }
        cursor.first(seen, 0, "$.picture.large");
        user[Text::PictureUrl] = cursor.text("$.picture.large")?;
        Ok(())
    })?;
    Ok(())
}
