"""Users of the randomuser API as nasty as its JSON can be, aimed by hand at every rule of events.md and tables.md.

    python nasty_answers.py OUT_DIR

Writes OUT_DIR/page-1.json to page-11.json, the same bytes every time, and prints how many users they hold. Each theme
below adds its users to those before it. Most are the ordinary user with one or a few fields changed; the values are
those of nasty_values.py. Nothing nests deeper than 60 levels, below which dead letters leave parts out.
"""

import datetime as dt
import json
import os
import sys

import nasty_values as values
from nasty_values import ABSENT, Json, numbers

PAGES = 11


def written(value):
    if isinstance(value, Json):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{written(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def parent(user, path):
    """The object that holds the last name of a dotted path, and that name."""
    *parts, last = path.split(".")
    for part in parts:
        user = user[part]
    return user, last


class Users:
    """The users' JSON texts."""

    def __init__(self):
        self.texts = []
        self.ordinary = 0

    def make(self, changes=None):
        """The ordinary user with an id of its own and with {dotted path: value} set or, by ABSENT, removed."""
        self.ordinary += 1
        user = json.loads(json.dumps(values.ORDINARY))
        user["login"]["uuid"] = f"n-{self.ordinary:05d}"
        for path, value in (changes or {}).items():
            part, name = parent(user, path)
            if value is ABSENT:
                part.pop(name, None)
            else:
                part[name] = value
        return user

    def add(self, changes=None):
        self.texts.append(written(self.make(changes)))

    def add_each(self, faces, *paths):
        """For each face a user that has it at all the paths."""
        for face in faces:
            self.add(dict.fromkeys(paths, face))

    def add_replaced(self, old, new):
        text = written(self.make())
        assert old in text, old
        self.texts.append(text.replace(old, new, 1))

    def add_texts(self, *texts):
        self.texts += texts


THEMES = []


def theme(function):
    THEMES.append(function)
    return function


@theme
def every_shape_of_every_part_and_field(users):
    for path in values.PARTS:
        users.add_each(values.SHAPES_OF_PARTS, path)
    for path in values.FIELDS:
        users.add_each(values.SHAPES_OF_FIELDS, path)


@theme
def every_known_name_twice(users):
    for path in values.PARTS + values.FIELDS:
        for way in ("the same", "escaped", "null"):
            user = users.make()
            part, name = parent(user, path)
            once = written(part)
            second = f"\\u{ord(name[0]):04x}{name[1:]}" if way == "escaped" else name
            value = "null" if way == "null" else written(part[name])
            twice = f'{once[:-1]},"{second}":{value}}}'
            users.texts.append(written(user).replace(once, twice, 1))


@theme
def unknown_members_and_no_users(users):
    for old, new in values.UNKNOWN_MEMBERS:
        users.add_replaced(old, new)
    users.add_texts("null", "5", '"text"', '""', "[]", "[{}]", "true", "false", "{}", "1e999", "-0", '{"x":1}', '" "')


@theme
def identities(users):
    for uuid in (None, "", Json('"\\u3000"'), ABSENT):
        for email in (None, Json('"\\u2028 "'), "e@x.com"):
            for username in ("", ABSENT, "nm"):
                users.add({"login.uuid": uuid, "email": email, "login.username": username})
    for changes in (
        {"login": ABSENT, "email": ABSENT}, {"login": None, "email": ""}, {"login": ABSENT},
        {"login": {}, "email": None},
    ):
        users.add(changes)
    users.add_texts(
        '{"email":"only@x.org"}', '{"login":{"username":"only"}}', '{"login":{"uuid":"only-uuid"}}',
        '{"login":{"uuid":5}}',
    )
    for uuid in values.SAME_BUT_FOR_BLANKS:
        users.add({"login.uuid": uuid, "name.first": f"v{len(users.texts)}"})
    for uuid in values.IDS:
        users.add({"login.uuid": uuid, "name.last": f"p{len(users.texts)}"})
    users.add_each(["12", *numbers("12 12.0 1.2E1")], "login.uuid")


@theme
def coordinates(users):
    for text in values.COORDINATE_TEXTS:
        padded = f"\x0b{text}\x85"
        users.add({"location.coordinates.latitude": text, "location.coordinates.longitude": padded})
    users.add_each(values.COORDINATE_NUMBERS, "location.coordinates.latitude", "location.coordinates.longitude")


@theme
def dates(users):
    texts = [*values.DAYS, *values.INSTANTS, *(f"1990-05-05{time}" for time in values.TIMES)]
    texts += [f"1990-05-05T00:11:12{offset}" for offset in values.OFFSETS]
    users.add_each(texts, "dob.date", "registered.date")
    users.add({"dob.date": Json("1990"), "registered.date": Json("19900505")})
    users.add({"dob.date": Json("1990.5"), "registered.date": Json("-5")})


@theme
def birthdays_tenures_and_generations(users):
    for day in map(dt.date.fromisoformat, values.LOGICAL_DAYS):
        for years in (0, 1, 17, 18, 24, 25, 34, 35, 44, 45, 54, 55, 64, 65, 100):
            birthday = dt.date(day.year - years, day.month, 28 if day.month == 2 else day.day)
            for days in (-1, 0, 1, 2):
                date = (birthday + dt.timedelta(days=days)).isoformat()
                users.add({"dob.date": date, "registered.date": f"{date}T23:59:59.999Z"})
        for days in (-400, -1, 0, 1, 29, 30, 31, 364, 365, 366, 730):
            date = (day - dt.timedelta(days=days)).isoformat()
            users.add_each([f"{date}T23:30:00-01:00", date], "registered.date")
    for year in values.GENERATION_YEARS:
        for day in ("01-01", "02-28", "02-29", "03-01", "12-31"):
            users.add({"dob.date": f"{year}-{day}"})
        users.add({"dob.date": f"{year}-12-31T23:30:00-01:00"})


@theme
def emails(users):
    for email in values.EMAILS:
        users.add({"email": email})
        users.add({"email": email, "gender": "female"})
    users.add_each([Json("5"), Json("1e3")], "email")
    users.add({"email": "a@b.c", "gender": None})
    users.add_each([f"q@{domain}" for domain in values.DOMAINS], "email")


@theme
def phones(users):
    for phone in [*values.PHONES, *values.PHONE_NUMBERS, None]:
        for country_code in ("US", "CA", "GB"):
            users.add({"phone": phone, "nat": country_code})
    for country_code in values.COUNTRY_CODES:
        users.add({"phone": "555-123-4567", "nat": country_code})


@theme
def names(users):
    elsewhere = ["location.city", "location.state", "location.country", "location.street.name", "location.postcode"]
    elsewhere += ["login.username", "picture.large", "nat"]
    for name in values.NAMES:
        users.add({"name.first": name})
        users.add({"name.last": name, "name.first": None})
        users.add(dict.fromkeys(["name.first", "name.last", "name.title"], name))
        users.add({**dict.fromkeys(elsewhere, name), "location.street.number": None})
    users.add({"name": {}})
    users.add({"name.first": None, "name.last": None})


@theme
def genders_and_usernames(users):
    for gender in values.GENDERS:
        users.add({"gender": gender})
        users.add({"gender": gender, "email": "Q.w@E@x.com", "login.username": " U v "})
    users.add_each(values.USERNAMES, "login.username")


@theme
def addresses(users):
    for number in values.STREET_NUMBERS:
        for name in values.STREET_NAMES:
            users.add({"location.street.number": number, "location.street.name": name})
    missing = {"location.street": None, "location.city": " ", "location.state": ABSENT, "location.country": None}
    for mask in range(1 << len(missing)):
        users.add({path: value for bit, (path, value) in enumerate(missing.items()) if mask >> bit & 1})
    users.add({"location.city": "a,b", "location.state": ", ", "location.country": "  c ,  d "})
    users.add_each(values.POSTCODES, "location.postcode")


@theme
def several_faults_and_secrets_in_dead_letters(users):
    for changes in (
        {"gender": [], "name": [], "email": {}}, {"location.coordinates.latitude": "x", "gender": []},
        {"login": [{"password": "SECRETpw"}]}, {"login": "SECRETpw"},
    ):
        users.add(changes)
    users.add_texts(*values.REJECTED)


def page_of(number, texts):
    """An answer of the API; two ids are on every page, at its start and its end."""
    first, last = (
        written({"login": {"uuid": uuid}, "email": f"p{number}@x.com", "name": {"first": f"page{number}"}})
        for uuid in ("rep2", "rep")
    )
    texts = [first, *texts, last]
    info = f'{{"seed":"ns","results":{len(texts)},"page":{number},"version":"1.4"}}'
    return '{"results":[' + ",\n".join(texts) + f'],"info":{info}}}'


def main():
    folder = sys.argv[1]
    users = Users()
    for add_users in THEMES:
        add_users(users)
    size = -(-len(users.texts) // PAGES)
    for page in range(PAGES):
        texts = users.texts[page * size : (page + 1) * size]
        with open(os.path.join(folder, f"page-{page + 1}.json"), "w", encoding="utf-8") as file:
            file.write(page_of(page + 1, texts))
    print(len(users.texts) + 2 * PAGES)


main()
