"""Small lakes of users_transformed at the edges of the contract, made by hand or with a fixed seed.

    python nasty_users.py OUT_DIR

Writes OUT_DIR/<case>/curated/users_transformed/processing_date=…/part-00000.parquet and prints `CASE AS_OF` for each
day, in the order in which the days have to be computed.
"""

import datetime as dt
import os
import random
import re
import sys

import pyarrow as pa
import pyarrow.parquet as pq

TEXT, DAY, INSTANT = pa.string(), pa.date32(), pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema([
    ("id", TEXT), ("first_name", TEXT), ("last_name", TEXT), ("full_name", TEXT), ("gender", TEXT), ("email", TEXT),
    ("email_domain", TEXT), ("email_provider_type", TEXT), ("email_valid", pa.bool_()), ("username", TEXT),
    ("phone", TEXT), ("phone_valid", pa.bool_()), ("address", TEXT), ("street_address", TEXT), ("city", TEXT),
    ("state", TEXT), ("country", TEXT), ("country_code", TEXT), ("post_code", TEXT), ("latitude", pa.float64()),
    ("longitude", pa.float64()), ("birth_date", DAY), ("age_years", pa.int32()), ("age_group", TEXT),
    ("generation", TEXT), ("registration_date", DAY), ("account_age_days", pa.int32()),
    ("account_tenure_category", TEXT), ("data_quality_score", pa.float64()), ("quality_issues", pa.list_(TEXT)),
    ("picture", TEXT), ("business_email", TEXT), ("user_company", TEXT), ("processed_at", INSTANT),
    ("processing_date", DAY), ("data_source", TEXT), ("job_name", TEXT), ("source_topic", TEXT),
    ("source_generation", TEXT), ("source_partition", pa.int32()), ("source_offset", pa.int64()),
])
HTML_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
D = dt.date
DEDUCTIONS = {"missing_id": 20, "invalid_email": 15, "invalid_phone": 10}
GOOD, BAD = "alice@example.com", "not an address"
CASES = {}


def case(function):
    """Registers a function that gives [(as_of, [user, …]), …]; its name is the case's."""
    CASES[function.__name__] = function
    return function


def user(id=None, **known):
    """What a user is before the derived columns; `score` overrides the score that the rules would give."""
    base = {
        "first_name": "Alice", "last_name": "O'Brien", "gender": "female", "email": GOOD, "username": None,
        "phone": "+45 12 34 56 78", "city": None, "state": None, "country": None, "birth": None, "registered": None,
        "score": None,
    }
    assert not known.keys() - base.keys(), known
    return {**base, "id": id, **known}


def numbered(count, prefix="u", **known):
    return [user(f"{prefix}{n:05d}", **known) for n in range(count)]


def nulls(id=None):
    nothing = dict.fromkeys(("first_name", "last_name", "email", "phone"))
    return user(id, gender="unknown", **nothing)


def provider_of(domain):
    if domain is None:
        return "unknown"
    if domain in ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com"):
        return "Personal"
    labels = domain.split(".")
    country = len(labels) > 1 and re.fullmatch("[a-z]{2}", labels[-1])
    if labels[-1] == "edu" or country and labels[-2] in ("edu", "ac"):
        return "Educational"
    if labels[-1] == "gov" or country and labels[-2] == "gov":
        return "Government"
    return "Business"


def whole_years(birth, day):
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def group_of(age):
    if age is None:
        return "unknown"
    bounds = [(18, "under-18"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64")]
    return next((name for bound, name in bounds if age < bound), "65+")


def generation_of(birth):
    if birth is None:
        return "unknown"
    bounds = [(1945, "Silent"), (1964, "Boomer"), (1980, "Gen X"), (1996, "Millennial"), (2012, "Gen Z")]
    return next((name for bound, name in bounds if birth.year <= bound), "Gen Alpha")


def tenure_of(days):
    if days is None:
        return "unknown"
    return "New" if days < 30 else "Regular" if days < 365 else "Veteran"


def row(known, as_of, offset):
    """The whole row of users_transformed at as_of."""
    email, birth, registered, gender = known["email"], known["birth"], known["registered"], known["gender"]
    before, at, after = (email or "").rpartition("@")
    domain = after.lower() or None if at else None
    email_valid = bool(email and HTML_EMAIL.fullmatch(email) and "." in after)
    phone_valid = 7 <= len(re.findall("[0-9]", known["phone"] or "")) <= 15
    age = whole_years(birth, as_of) if birth and birth <= as_of else None
    days = (as_of - registered).days if registered else None
    issues = [name for name, there in zip(DEDUCTIONS, (known["id"] is None, not email_valid, not phone_valid)) if there]
    score = 100 - sum(DEDUCTIONS[name] for name in issues) if known["score"] is None else known["score"]
    places = [known[name] for name in ("city", "state", "country") if known[name]]
    branch = {"male": "m", "female": "f"}.get(gender)
    return {
        **{name: known[name] for name in ("id", "first_name", "last_name", "gender", "email", "username", "phone")},
        **{name: known[name] for name in ("city", "state", "country")},
        "full_name": " ".join(n for n in (known["first_name"], known["last_name"]) if n) or None,
        "email_domain": domain, "email_provider_type": provider_of(domain), "email_valid": email_valid,
        "phone_valid": phone_valid, "address": ", ".join(places) or None, "birth_date": birth, "age_years": age,
        "age_group": group_of(age), "generation": generation_of(birth), "registration_date": registered,
        "account_age_days": days, "account_tenure_category": tenure_of(days), "data_quality_score": float(score),
        "quality_issues": issues,
        "business_email": f"{before}@corp-{branch}.example" if before and branch else None,
        "user_company": f"{known['username']}@corp" if known["username"] else None,
        "processed_at": dt.datetime.combine(as_of, dt.time(3), dt.timezone.utc), "processing_date": as_of,
        "data_source": "simulator", "job_name": "raw-transformation", "source_topic": "users_created",
        "source_generation": "g1", "source_partition": offset % 6, "source_offset": offset,
    }


def write(folder, as_of, users):
    rows = [row(known, as_of, offset) for offset, known in enumerate(users)]
    ids = [r["id"] for r in rows if r["id"] is not None]
    assert len(set(ids)) == len(ids), folder
    rows.sort(key=lambda r: (r["id"] is not None, (r["id"] or "").encode(), r["source_partition"], r["source_offset"]))
    columns = {field.name: [r.get(field.name) for r in rows] for field in SCHEMA}
    path = f"{folder}/curated/users_transformed/processing_date={as_of}"
    os.makedirs(path, exist_ok=True)
    # Several row groups, so that a reader of one only is found out.
    pq.write_table(
        pa.table(columns, SCHEMA), f"{path}/part-00000.parquet", compression="zstd", row_group_size=500
    )


@case
def empty():
    return [(D(2024, 5, 1), [])]


@case
def one_user():
    return [(D(2024, 5, 1), [user("only", username="o", city="Århus", state="Midtjylland", country="Danmark",
                                  gender="male", birth=D(1990, 5, 2), registered=D(2023, 5, 1))])]


@case
def all_null():
    """Users of whom nothing is known, some without even an id; then one who has only a date."""
    return [(D(2024, 5, 1), [nulls(), nulls(), nulls(), nulls("a"), nulls("b")]),
            (D(2024, 5, 2), [nulls(), nulls("a"), {**nulls("b"), "registered": D(2024, 5, 2)}])]


# Bytewise order differs from that of a locale, of upper-cased text and of UTF-16 (the last two).
AWKWARD = [
    "a", "A", "B", "aa", "a b", "a,b", "Z", "z", "é", "e\u0301", "ß", "ÅL", "ø", "~", "日本", "\uff5e", "\U0001f600",
]


@case
def ties():
    """Every count is the same, or one of two; more than ten domains, states and countries tie at the cut."""
    out = []
    for n, name in enumerate(AWKWARD):
        for twice in range(1 + (n % 5 == 0)):
            for gender in ("male", "female", "unknown"):
                out.append(user(
                    f"{n:02d}{gender}{twice}", gender=gender, country=name, state=AWKWARD[-1 - n], city=name * 2,
                    email=f"x{n}@{name.lower().replace(' ', '')}.example", username=name, birth=D(1980 + n, 2, 28),
                    registered=D(2023, 1 + n % 12, 1 + n),
                ))
    random.Random(1).shuffle(out)
    return [(D(2024, 5, 1), out)]


@case
def cut_of_the_top_ten():
    """The tenth place is shared by a named value, by null and by a literal `unknown`."""
    out = []
    for n in range(9):
        out += numbered(5, f"top{n}", email=f"a@top{n}.example", state=f"Top{n}", country="X")
    for prefix, email, state in (
        ("low", "a@zz.example", "zz"), ("mid", "a@unknown", "unknown"), ("nul", None, None),
        ("vow", "a@v.example", "V"),
    ):
        count = 1 if prefix in ("mid", "nul") else 2
        out += numbered(count, prefix, email=email, state=state, country="X")
    return [(D(2024, 5, 1), out)]


@case
def unknown_keys():
    """A literal `unknown` beside null in every key, and city names that make equal geographic levels."""
    out = []
    places = [
        (None, None), ("unknown", None), (None, "unknown"), ("unknown", "unknown"), ("Unknown", "Unknown"),
        (None, "Spain"), (None, "France"), ("unknown", "Spain"), ("A, B", "C"), ("A", "B, C"), (", ", ","),
    ]
    for n, (city, country) in enumerate(places):
        for gender in ("male", "female", "unknown"):
            out.append(user(
                f"{n}{gender}", city=city, country=country, state=city, gender=gender,
                email=[None, "no at sign", "x@", "X@UNKNOWN", "@unknown", "x@unknown.edu", "a@b@gmail.com"][n % 7],
                username=[None, "unknown", "u", "U"][n % 4], birth=[None, D(1990, 1, 1)][n % 2],
                registered=[None, D(2024, 1, 31)][n % 3 % 2],
            ))
    return [(D(2024, 5, 1), out)]


@case
def leap_day():
    """29 February as as_of, as birthday and as registration; the days around it a year on."""
    births = [D(2000, 2, 28), D(2000, 2, 29), D(2000, 3, 1), D(2006, 2, 28), D(2006, 3, 1), D(1904, 2, 29),
              D(2024, 2, 29), D(2024, 3, 1), None]
    registrations = [D(2024, 2, 29), D(2023, 2, 28), D(2023, 3, 1), D(2024, 2, 28), D(2018, 2, 28), D(2018, 3, 1),
                     D(2024, 1, 30), D(2024, 1, 31), D(2023, 3, 2), None]
    out = [user(f"{b}-{r}", birth=birth, registered=registered, country=f"C{r}", city=f"T{b}",
                gender=("male", "female")[b % 2])
           for b, birth in enumerate(births) for r, registered in enumerate(registrations)]
    return [(D(2024, 2, 29), out), (D(2024, 3, 1), out), (D(2025, 2, 28), out), (D(2025, 3, 1), out)]


@case
def far_dates():
    """The years 1 and 9999, births after the registration and after as_of, registrations ahead."""
    dates = [D(1, 1, 1), D(1, 12, 31), D(1582, 10, 4), D(1899, 12, 31), D(1969, 12, 31), D(1970, 1, 1),
             D(2024, 4, 30), D(2024, 5, 1), D(2024, 5, 2), D(2300, 7, 4), D(9999, 12, 31), None]
    out = [user(f"{b}-{r}", birth=birth, registered=registered, country=f"C{r % 5}", gender=("male", "female")[r % 2])
           for b, birth in enumerate(dates) for r, registered in enumerate(dates)]
    return [(D(2024, 5, 1), out)]


@case
def gaps():
    """Missing months, quarters, years and weekdays; as_of is the last day of a month, itself not finished."""
    out, serial = [], 0
    wanted = {
        D(2019, 12, 30): 3, D(2020, 1, 6): 5, D(2020, 3, 2): 4, D(2021, 10, 6): 7, D(2021, 11, 3): 2,
        D(2023, 12, 31): 6, D(2024, 1, 1): 9, D(2024, 1, 5): 1, D(2024, 3, 31): 8, D(2024, 4, 30): 11,
    }
    for registered, count in wanted.items():
        for n in range(count):
            serial += 1
            out.append(user(
                f"u{serial:04d}", registered=registered, birth=D(1960 + 7 * (n % 8), 6, 15), country=f"C{n % 3}",
                gender=("male", "female", "unknown")[n % 3], email=(GOOD, BAD)[n % 2],
            ))
    return [(D(2024, 4, 30), out)]


@case
def one_weekday():
    """Only Mondays: the Sunday before is no row, and Monday's growth is null."""
    out = [user(f"u{n}", registered=D(2024, 1, 1) + dt.timedelta(weeks=n // 3)) for n in range(20)]
    return [(D(2024, 5, 1), out)]


def of_months(counts, first=(2020, 1)):
    """Users registered so that the months from `first` have these counts."""
    out = []
    for n, count in enumerate(counts):
        month = first[1] - 1 + n
        registered = D(first[0] + month // 12, month % 12 + 1, 1 + n % 28)
        out += numbered(count, f"m{n:03d}-", registered=registered, birth=D(1985, 1, 1), country="X")
    return out


@case
def extreme_month():
    """z above 3 with MAD 0; on the day before, the extreme month is as_of's own and so not judged."""
    users = of_months([5] * 14 + [90])
    return [(D(2021, 3, 31), users), (D(2021, 4, 1), users)]


@case
def low_month():
    """A month far below the others, one in Medium, and months ahead of as_of that no measure may see."""
    counts = [40, 42, 39, 41, 43, 38, 40, 42, 1, 41, 39, 30, 55, 500, 300]
    return [(D(2021, 1, 31), of_months(counts)), (D(2021, 2, 1), of_months(counts))]


@case
def z_of_exactly_one_and_a_half():
    """1, 1, 1, 5: mean 2, deviation 2, so z = 1.5, which is not above 1.5; MAD is 0."""
    return [(D(2020, 5, 1), of_months([1, 1, 1, 5]))]


@case
def flat_months():
    """Deviation 0."""
    return [(D(2020, 12, 31), of_months([7] * 11 + [9]))]


@case
def few_points():
    """No finished month, then two, then exactly three, then four (an even median)."""
    users = of_months([4, 9, 2, 8, 30])
    return [(day, users) for day in (D(2019, 12, 31), D(2020, 3, 15), D(2020, 4, 1), D(2020, 5, 1))]


@case
def halves():
    """Percentages, ratios, growth and rates that end in an exact half, also where the float falls short of it."""
    as_of = D(2024, 5, 1)
    out, serial = [], 0

    def add(count, **known):
        nonlocal serial
        for _ in range(count):
            serial += 1
            out.append(user(f"h{serial:05d}", **known))

    for count, ago in ((1, 20000), (3, 20000), (5, 20000), (1, 32), (1, 160), (3, 160), (7, 800), (9, 1600), (2, 400)):
        add(count, country=f"K{count:02d}-{ago:05d}", registered=as_of - dt.timedelta(days=ago), email="a@k.example")
    for males, females in ((1, 8), (3, 8), (5, 8), (7, 8), (1, 200), (3, 200), (7, 0), (0, 3)):
        add(males, gender="male", country="R", email=f"a@r{males}-{females}.example", phone=None)
        add(females, gender="female", country="R", email=f"a@r{males}-{females}.example")
    for day, count in ((D(2020, 1, 1), 160), (D(2020, 2, 1), 159), (D(2020, 3, 1), 32), (D(2020, 4, 1), 33),
                       (D(2020, 5, 1), 32), (D(2020, 6, 1), 31)):
        add(count, country="G", registered=day, birth=D(1990, 1, 1), email=(GOOD, BAD)[day.month % 2])
    add(1600 - len(out), country="R", email=None, gender="unknown")
    return [(as_of, out)]


@case
def thresholds():
    """Averages exactly at a threshold and next to it, every class of score, the classes below 50 too."""
    as_of = D(2024, 5, 1)
    year = as_of - dt.timedelta(days=365)
    out = []

    def pair(name, birth, gender, first, second):
        for n, known in enumerate((first, second)):
            out.append(user(f"{name}{n}", birth=birth, gender=gender, **known))

    at = {"country": "X", "registered": year}
    pair("exactly", D(1950, 1, 1), "male", {**at, "score": 80, "email": BAD}, {**at, "score": 80, "email": "a@b.org"})
    pair("above", D(1950, 1, 1), "female", {**at, "registered": year - dt.timedelta(days=1), "email": "a@b.org"},
         {**at, "country": "Y", "email": "a@b.org"})
    pair("mixed", D(1980, 1, 1), "male", {**at, "score": 79, "registered": None}, {**at, "score": 82, "country": None})
    pair("nodate", D(1980, 1, 1), "female", {"country": "unknown"}, {"country": None})
    pair("ahead", D(2005, 1, 1), "male", {"registered": as_of + dt.timedelta(days=400)}, {"registered": as_of})
    for n, score in enumerate((0, 49, 50, 69, 70, 79, 80, 89, 90, 99)):
        out.append(user(f"score{n}", score=score, email=BAD, phone="1", birth=D(2000, 1, 1), registered=year))
    for days in (29, 30, 364, 365):
        out.append(user(f"tenure{days}", registered=as_of - dt.timedelta(days=days), birth=D(1996, 12, 31)))
    for email, phone in ((GOOD, None), (BAD, None), (BAD, "1234567"), (GOOD, "1" * 16)):
        out.append(user(None, email=email, phone=phone, gender="male", username="twin"))
    return [(as_of, out)]


@case
def countries_of_every_tier():
    """Forty countries: rates that tie once rounded, days of 0 and below, no date at all."""
    as_of = D(2024, 5, 1)
    out = []
    for n in range(40):
        ago = [None, -10, 0, 1, 3, 30000, 40000, 50000, 700, 1400][n % 10]
        for m in range(1 + n % 7):
            registered = None if ago is None or m % 3 == 2 else as_of - dt.timedelta(days=ago - m if ago > 9 else ago)
            out.append(user(f"{n:02d}-{m}", country=f"C{(n * 7) % 40:02d}", city=("P", "p", None)[m % 3],
                            registered=registered, birth=D(1940 + 2 * n, 5, 1 + m % 2)))
    return [(as_of, out)]


@case
def years_of_groups():
    """Shares of a year that grow, decline, stay, are new, skip a year, or differ only before rounding."""
    out = []
    births = {"a": D(1950, 1, 1), "b": D(1990, 1, 1), "c": None}
    for year, counts in {
        2015: (1, 2, 0), 2016: (2, 4, 0), 2017: (3, 3, 1), 2019: (3, 3, 1), 2020: (1, 0, 7), 2021: (2, 1, 6),
        2022: (50, 51, 0), 2023: (100, 101, 1), 2024: (1, 0, 0), 2025: (1, 0, 0),
    }.items():
        for (name, birth), count in zip(births.items(), counts):
            out += numbered(count, f"{name}{year}", birth=birth, registered=D(year, 3, 9), country=f"C{year % 3}",
                            email=(GOOD, BAD)[year % 2])
    return [(D(2024, 5, 1), out)]


@case
def week():
    """Users that change, change back, vanish and return; a day without any, and days skipped."""
    def known(id, **more):
        return user(id, **{"country": "X", "city": "Y", "birth": D(1990, 1, 1), "registered": D(2020, 1, 1), **more})

    same, rome = known("same"), {"city": "Rome"}
    ages = known("ages", birth=D(1989, 6, 4))
    tenure = known("tenure", registered=D(2024, 5, 6))
    without_id = known(None)
    return [
        (D(2024, 6, 1), [same, ages, tenure, known("moves"), known("nullcity", city=None), known("leaves"),
                         without_id]),
        (D(2024, 6, 2), [same, ages, tenure, known("moves", **rome), known("nullcity"), without_id]),
        (D(2024, 6, 3), [same, ages, tenure, known("moves"), known("nullcity", city=None), known("é", city="unknown")]),
        (D(2024, 6, 4), [same, ages, tenure, known("moves"), known("leaves"), known("é", city=None)]),
        (D(2024, 6, 5), []),
        (D(2024, 6, 7), [same, ages, tenure, known("moves", phone=None, username="m"), known("leaves", **rome)]),
        (D(2024, 6, 8), [same, ages, tenure, known("moves", username="changed"), known("nullcity", gender="male")]),
        (D(2024, 6, 11), [same, {**ages, "email": "a@gmail.com"}, tenure, known("moves", birth=None), known("A"),
                          known("a"), without_id, without_id]),
    ]


@case
def one_attribute_each():
    """Each user changes in one attribute alone, then back; some change only what is no attribute."""
    def known(id, **more):
        return user(id, **{"country": "X", "city": "Y", "birth": D(1990, 1, 1), "registered": D(2020, 1, 1), **more})

    changes = {
        "gender": {"gender": "male"}, "country": {"country": "Z"}, "no_country": {"country": None},
        "city": {"city": "y"}, "provider": {"email": "a@yahoo.com"}, "domain": {"email": "a@other.example"},
        "score": {"phone": None}, "name": {"first_name": "Bob"}, "username": {"username": "b"},
        "age_group": {"birth": D(1986, 1, 1)}, "tenure": {"registered": D(2024, 1, 1)},
        # These two leave demographic_score as it is.
        "generation": {"birth": D(1981, 1, 1)}, "personal_provider": {"email": "a@mit.edu"},
    }
    older = {"generation": {"birth": D(1980, 12, 31)}, "personal_provider": {"email": "a@gmail.com"}}
    old = [known(id, **older.get(id, {})) for id in changes]
    new = [{**before, **change} for before, change in zip(old, changes.values())]
    return [(D(2024, 6, 1), old), (D(2024, 6, 2), new), (D(2024, 6, 3), old), (D(2024, 6, 4), old)]


def of_quality(bad_phones, bad_emails=0, count=10):
    """`count` users, of whom so many have an invalid phone (−10) or an invalid email (−15)."""
    return [user(f"q{n:03d}", phone="1" if n < bad_phones else "12345678", email=BAD if n < bad_emails else GOOD,
                 country="X", registered=D(2024, 1, 1))
            for n in range(count)]


@case
def quality_series():
    """Changes of exactly ±1 (Stable) and beyond, an empty day between, and a last day with z above 3."""
    days = [of_quality(0), of_quality(1), of_quality(0), of_quality(2), [], of_quality(1), of_quality(1, 1),
            of_quality(0), of_quality(1), of_quality(0), of_quality(1), of_quality(0), of_quality(1), of_quality(0),
            of_quality(10, 9)]
    return [(D(2024, 2, 20) + dt.timedelta(days=n), users) for n, users in enumerate(days)]


@case
def quality_flat_then_low():
    """Days of one average: deviation 0; then 1.5 exactly on the fourth day, with MAD 0."""
    return [(D(2024, 12, 29) + dt.timedelta(days=n), of_quality(b)) for n, b in enumerate((1, 1, 1, 3))]


@case
def quality_high_day():
    """The last day of a month is far above the days before it."""
    days = [of_quality(b, b, 8) for b in (7, 8, 7, 8, 8, 7, 0, 8)]
    return [(D(2024, 3, 25) + dt.timedelta(days=n), users) for n, users in enumerate(days)]


@case
def quality_change_of_one_in_floats():
    """Averages 64 2/3 and 63 2/3: one apart, while their doubles are 1.000000000000007 apart."""
    def scored(of_70):
        of_55 = [user(None, email=BAD, phone="1") for _ in range(14 - of_70)]
        return of_55 + [user(None, email=BAD)] + [user(None, phone="1") for _ in range(of_70)]

    return [(D(2024, 5, 1), scored(9)), (D(2024, 5, 2), scored(8)), (D(2024, 5, 3), scored(9))]


def seeded(seed, count, as_of):
    rng = random.Random(seed)
    domains = [None, "unknown", "gmail.com", "yahoo.com", "ku.dk", "mit.edu", "ox.ac.uk", "nasa.gov", "x.gov.uk",
               *(f"firm{n}.example" for n in range(25))]
    countries = [None, "unknown", *AWKWARD[:9], *(f"Land {n}" for n in range(12))]
    out = []
    for n in range(count):
        domain = rng.choice(domains)
        country = countries[min(rng.randrange(len(countries)), rng.randrange(len(countries)))]
        birth = None if rng.random() < 0.05 else D(1935, 1, 1) + dt.timedelta(days=rng.randrange(33500))
        registered = None if rng.random() < 0.05 else as_of - dt.timedelta(days=int(rng.triangular(-60, 4000, 100)))
        out.append(user(
            None if rng.random() < 0.03 else f"{rng.getrandbits(64):016x}",
            gender=rng.choices(("male", "female", "unknown"), (9, 9, 2))[0],
            email=domain and f"{rng.choice(('a', 'Bo', 'no one'))}@{domain}",
            phone=rng.choice(("+45 12 34 56 78", "5551234567", "12", None)),
            username=None if rng.random() < 0.05 else f"name{rng.randrange(count)}",
            country=country, state=rng.choice((None, *AWKWARD)), city=rng.choice((None, "unknown", *AWKWARD[:6])),
            birth=birth, registered=registered,
        ))
    return out


@case
def seeded_days():
    """Two thousand users on three days, a fifth of them changed from one to the next."""
    rng = random.Random(99)
    days = [D(2024, 2, 28), D(2024, 2, 29), D(2024, 3, 31)]
    users, later = seeded(7, 2000, days[0]), seeded(8, 2000, days[1])
    out = [(days[0], users)]
    for day in days[1:]:
        users = [
            {**now, "city": new["city"], "email": new["email"]} if rng.random() < 0.2 else now
            for now, new in zip(users, later) if rng.random() < 0.95
        ]
        out.append((day, users))
    return out


def main():
    for name, days in CASES.items():
        for as_of, users in days():
            assert len(users) <= 2000, name
            write(os.path.join(sys.argv[1], name), as_of, users)
            print(name, as_of)


if __name__ == "__main__":
    main()
