"""What the contracts make of one user of the randomuser API: the fields of its event, or why it is a dead letter,
and its row of users_transformed.

Written from the contracts alone (docs/events.md, docs/tables.md), with nothing but the standard library; answers.py
holds a lake against it.
"""

import datetime as dt
import json
import re
from dataclasses import dataclass, field

MICROS_A_DAY = 86_400_000_000
# Unicode's White_Space property; str.strip() would take U+001C to U+001F too.
WHITE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
RUN = re.compile("[" + WHITE + "]+")
# The Gregorian calendar repeats after so many days, which are 400 years.
CYCLE = 146_097
EPOCH = dt.date(1970, 1, 1).toordinal()
DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+\-\u2212])([0-9]{2}):([0-9]{2}))"
)
COORDINATE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
HTML_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
SECRETS = {"password", "salt", "md5", "sha1", "sha256"}

# Where a field of the event stands in the API's user.
FIELDS = {
    tuple(path.split(".")): column
    for path, column in {
        "gender": "gender", "name.title": "title", "name.first": "first_name", "name.last": "last_name",
        "location.street.number": "street_number", "location.street.name": "street_name", "location.city": "city",
        "location.state": "state", "location.country": "country", "nat": "country_code",
        "location.postcode": "postcode", "location.coordinates.latitude": "latitude",
        "location.coordinates.longitude": "longitude", "location.timezone.offset": "timezone_offset",
        "location.timezone.description": "timezone_description", "email": "email", "login.uuid": "user_id",
        "login.username": "username", "dob.date": "dob", "registered.date": "registered_at", "phone": "phone",
        "cell": "cell", "id.name": "national_id_name", "id.value": "national_id_value", "picture.large": "picture_url",
    }.items()
}
PARTS = {path[:depth] for path in FIELDS for depth in range(1, len(path))}


class Number(str):
    """A JSON number: its own characters."""


class Members(list):
    """A JSON object: (name, value) in the order of writing, repeated names too."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=Members)


def shape(value):
    """What the program calls a value that it finds where another was meant."""
    for kind, name in [
        (type(None), "null"), (bool, "boolean"), (Number, "number"), (str, "text"), (Members, "object")
    ]:
        if isinstance(value, kind):
            return name
    return "array"


def written(value):
    """A parsed value as JSON again."""
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{written(part)}" for name, part in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def trimmed(text):
    return None if text is None else text.strip(WHITE) or None


def is_blank(text):
    return trimmed(text) is None


# A user's event.


@dataclass
class Reading:
    """The event's columns, faults as (error-kind, JSON path, shape found), columns whose date or number is none."""

    columns: dict
    faults: set = field(default_factory=set)
    unparsable: list = field(default_factory=list)


def read_user(user):
    reading = Reading(dict.fromkeys(FIELDS.values()))
    if isinstance(user, Members):
        read_part(user, (), reading)
    else:
        reading.faults.add(("wrong_type", "$", shape(user)))
    columns = reading.columns
    if not reading.faults and all(columns[name] is None for name in ("user_id", "email", "username")):
        reading.faults.add(("no_identity", "", ""))
    columns["gender_branch"] = gender_of(columns["gender"])
    columns["business_email"] = business_email(columns["email"], columns["gender_branch"])
    columns["user_company"] = user_company(columns["username"])
    return reading


def read_part(part, path, reading):
    if part is None:
        return
    if not isinstance(part, Members):
        reading.faults.add(("wrong_type", json_path(path), shape(part)))
        return
    seen = set()
    for name, value in part:
        member = (*path, name)
        if member not in FIELDS and member not in PARTS:
            continue
        if name in seen:
            reading.faults.add(("duplicate_field", json_path(member), ""))
        seen.add(name)
        if member in PARTS:
            read_part(value, member, reading)
        else:
            read_field(value, member, reading)


def read_field(value, path, reading):
    if value is None:
        return
    if not isinstance(value, str):
        reading.faults.add(("wrong_type", json_path(path), shape(value)))
        return
    if is_blank(value):
        return
    column = FIELDS[path]
    convert = {"latitude": coordinate, "longitude": coordinate, "dob": instant, "registered_at": instant}
    read = convert.get(column, str)(value)
    reading.columns[column] = read
    if read is None:
        reading.unparsable.append(column)


def json_path(path):
    return ".".join(("$", *path))


def coordinate(text):
    text = text.strip(WHITE)
    number = float(text) if COORDINATE.fullmatch(text) else float("nan")
    return number if abs(number) < float("inf") else None


def instant(text):
    """µs since 1970 of RFC 3339, or of a day."""
    if day := DAY.fullmatch(text):
        number = day_number(*map(int, day.groups()))
        return None if number is None else number * MICROS_A_DAY
    parts = INSTANT.fullmatch(text)
    if parts is None:
        return None
    year, month, day, hour, minute, second = map(int, parts.groups()[:6])
    fraction, sign, offset_hour, offset_minute = parts.groups()[6:]
    offset_hour, offset_minute = int(offset_hour or 0), int(offset_minute or 0)
    number = day_number(year, month, day)
    # A leap second is one wherever it stands.
    if number is None or hour > 23 or minute > 59 or second > 60 or offset_hour > 23 or offset_minute > 59:
        return None
    offset = (offset_hour * 3600 + offset_minute * 60) * (1 if sign == "+" else -1)
    seconds = hour * 3600 + minute * 60 + second - offset
    return number * MICROS_A_DAY + seconds * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))


def day_number(year, month, day):
    """Days since 1970, or None for a day that no month has. Python's dates lack the year 0."""
    try:
        same_day_in_cycle = dt.date(year % 400 + 400, month, day)
    except ValueError:
        return None
    return same_day_in_cycle.toordinal() + (year // 400 - 1) * CYCLE - EPOCH


def calendar_day(number):
    """(year, month, day) of days since 1970."""
    cycles, rest = divmod(number + EPOCH - 1, CYCLE)
    date = dt.date.fromordinal(rest + 1 + CYCLE)
    return date.year + (cycles - 1) * 400, date.month, date.day


def gender_of(text):
    gender = (trimmed(text) or "").lower()
    return gender if gender in ("male", "female") else "unknown"


def business_email(email, gender):
    local = (trimmed(email) or "").rpartition("@")[0]
    domain = {"male": "corp-m.example", "female": "corp-f.example"}.get(gender)
    return f"{local}@{domain}" if local and domain else None


def user_company(username):
    return None if is_blank(username) else f"{trimmed(username)}@corp"


def partition_of(user_id):
    """Of six, by Java's murmur2 over the key."""
    return 0 if user_id is None else (murmur2(user_id.encode()) & 0x7FFF_FFFF) % 6


def murmur2(data):
    mask, multiplier = 0xFFFF_FFFF, 0x5BD1_E995
    state = 0x9747_B28C ^ len(data)
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        state = (state * multiplier & mask) ^ word
    if rest := data[whole:]:
        state = (state ^ int.from_bytes(rest, "little")) * multiplier & mask
    state = (state ^ state >> 13) * multiplier & mask
    return state ^ state >> 15


# A user's dead letter.


def letter_key(user):
    """The first uuid that is a present text or number, over repeated names."""
    logins = [value for name, value in user if name == "login"] if isinstance(user, Members) else []
    for login in logins:
        for name, value in login if isinstance(login, Members) else []:
            if name == "uuid" and isinstance(value, str) and not is_blank(value):
                return str(value)
    return None


def without_secrets(value):
    if isinstance(value, Members):
        # str.lower() makes an ASCII letter of the Kelvin sign, but no secret has a k.
        return Members((name, without_secrets(part)) for name, part in value if name.lower() not in SECRETS)
    return [without_secrets(part) for part in value] if isinstance(value, list) else value


# A user's row of users_transformed.


def transform(event, as_of):
    """The row but for processed_at; days are counted from 1970."""
    return {
        "id": event["user_id"],
        **name_columns(event),
        **email_columns(event["email"]),
        "gender": gender_of(event["gender"]),
        "business_email": business_email(event["email"], gender_of(event["gender"])),
        "username": trimmed(event["username"]),
        "user_company": user_company(event["username"]),
        **phone_columns(event),
        **address_columns(event),
        **age_columns(event["dob"], as_of),
        **tenure_columns(event["registered_at"], as_of),
        **quality_columns(event),
        "picture": trimmed(event["picture_url"]),
        "processing_date": as_of.toordinal() - EPOCH,
        "data_source": event["source"],
        "job_name": "raw-transformation",
        "source_topic": event["_topic"],
        "source_generation": event["_generation"],
        "source_partition": event["_partition"],
        "source_offset": event["_offset"],
    }


def squeezed(text):
    return None if is_blank(text) else RUN.sub(" ", trimmed(text))


def joined(separator, *parts):
    return separator.join(part for part in parts if part is not None) or None


def name_columns(event):
    first, last = (name_case(event[name]) for name in ("first_name", "last_name"))
    return {"first_name": first, "last_name": last, "full_name": joined(" ", first, last)}


def name_case(text):
    return None if is_blank(text) else " ".join(word[0].upper() + word[1:] for word in squeezed(text).split(" "))


def email_columns(text):
    email = trimmed(text)
    domain = email.rpartition("@")[2].lower() or None if email and "@" in email else None
    return {
        "email": email,
        "email_domain": domain,
        "email_provider_type": provider(domain),
        "email_valid": is_valid_email(text),
    }


def is_valid_email(text):
    email = trimmed(text) or ""
    return HTML_EMAIL.fullmatch(email) is not None and "." in email.split("@")[1]


def provider(domain):
    if domain is None:
        return "unknown"
    if domain in ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com"):
        return "Personal"
    *_, before, last = [None, *domain.split(".")]
    of_country = re.fullmatch("[a-z]{2}", last) is not None
    if last == "edu" or of_country and before in ("edu", "ac"):
        return "Educational"
    if last == "gov" or of_country and before == "gov":
        return "Government"
    return "Business"


def phone_columns(event):
    phone, country_code = trimmed(event["phone"]), trimmed(event["country_code"])
    digits = ascii_digits(phone)
    if len(digits) == 10 and country_code in ("US", "CA"):
        phone = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
    return {"phone": phone, "phone_valid": is_valid_phone(event["phone"]), "country_code": country_code}


def ascii_digits(text):
    return re.sub("[^0-9]", "", text or "")


def is_valid_phone(text):
    return 7 <= len(ascii_digits(text)) <= 15


def address_columns(event):
    street = joined(" ", squeezed(event["street_number"]), squeezed(event["street_name"]))
    places = {name: squeezed(event[name]) for name in ("city", "state", "country")}
    return {
        "street_address": street,
        **places,
        "address": joined(", ", street, *places.values()),
        "post_code": trimmed(event["postcode"]),
        "latitude": event["latitude"],
        "longitude": event["longitude"],
    }


def day_of(micros):
    return None if micros is None else micros // MICROS_A_DAY


def age_columns(born_at, as_of):
    birth, today = day_of(born_at), as_of.toordinal() - EPOCH
    age = None
    if birth is not None and birth <= today:
        year, month, day = calendar_day(birth)
        # One who was born on 29 February has the birthday of a common year on 1 March.
        age = as_of.year - year - ((as_of.month, as_of.day) < (month, day))
    groups = [(18, "under-18"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64")]
    return {
        "birth_date": birth,
        "age_years": age,
        "age_group": "unknown" if age is None else next((name for end, name in groups if age < end), "65+"),
        "generation": generation(birth, today),
    }


def generation(birth, today):
    if birth is None:
        return "unknown"
    if birth > today:
        return "Gen Alpha"
    year = calendar_day(birth)[0]
    names = [(1945, "Silent"), (1964, "Boomer"), (1980, "Gen X"), (1996, "Millennial"), (2012, "Gen Z")]
    return next((name for last, name in names if year <= last), "Gen Alpha")


def tenure_columns(registered_at, as_of):
    registered = day_of(registered_at)
    if registered is None:
        return {"registration_date": None, "account_age_days": None, "account_tenure_category": "unknown"}
    age = as_of.toordinal() - EPOCH - registered
    category = "New" if age < 30 else "Regular" if age < 365 else "Veteran"
    return {"registration_date": registered, "account_age_days": age, "account_tenure_category": category}


def quality_columns(event):
    deductions = [
        ("missing_id", 20, event["user_id"] is None),
        ("invalid_email", 15, not is_valid_email(event["email"])),
        ("invalid_phone", 10, not is_valid_phone(event["phone"])),
    ]
    return {
        "data_quality_score": float(100 - sum(points for _, points, wrong in deductions if wrong)),
        "quality_issues": [issue for issue, _, wrong in deductions if wrong],
    }
