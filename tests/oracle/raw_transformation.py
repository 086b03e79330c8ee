"""An independent reading of tables.md: raw users -> users_transformed and data_quality_summary, compared cell by cell.

    python raw_transformation.py LAKE AS_OF STARTED_AT_MICROS

Raw objects and the published files are read with DuckDB; the rules are plain Python over rows, written from the
contract and not from the job. Prints the first differing cells and exits 1, or prints how many cells agreed.
"""

import datetime as dt
import glob
import os
import re
import sys
from fractions import Fraction

import duckdb

EPOCH = dt.date(1970, 1, 1)
# Unicode's White_Space property; str.strip() would take U+001C to U+001F too.
WHITE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
RUN = re.compile("[" + WHITE + "]+")
HTML_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)

RAW = [
    "user_id", "first_name", "last_name", "gender", "street_number", "street_name", "city", "state", "country",
    "country_code", "postcode", "latitude", "longitude", "email", "username", "dob", "registered_at", "phone",
    "picture_url", "source", "_topic", "_generation", "_partition", "_offset", "_timestamp",
]
TYPES = {
    "latitude": "DOUBLE", "longitude": "DOUBLE", "_partition": "INTEGER", "_offset": "BIGINT",
    "dob": "TIMESTAMP WITH TIME ZONE", "registered_at": "TIMESTAMP WITH TIME ZONE",
    "_timestamp": "TIMESTAMP WITH TIME ZONE",
}
USERS = [
    ("id", "VARCHAR"), ("first_name", "VARCHAR"), ("last_name", "VARCHAR"), ("full_name", "VARCHAR"),
    ("gender", "VARCHAR"), ("email", "VARCHAR"), ("email_domain", "VARCHAR"), ("email_provider_type", "VARCHAR"),
    ("email_valid", "BOOLEAN"), ("username", "VARCHAR"), ("phone", "VARCHAR"), ("phone_valid", "BOOLEAN"),
    ("address", "VARCHAR"), ("street_address", "VARCHAR"), ("city", "VARCHAR"), ("state", "VARCHAR"),
    ("country", "VARCHAR"), ("country_code", "VARCHAR"), ("post_code", "VARCHAR"), ("latitude", "DOUBLE"),
    ("longitude", "DOUBLE"), ("birth_date", "DATE"), ("age_years", "INTEGER"), ("age_group", "VARCHAR"),
    ("generation", "VARCHAR"), ("registration_date", "DATE"), ("account_age_days", "INTEGER"),
    ("account_tenure_category", "VARCHAR"), ("data_quality_score", "DOUBLE"), ("quality_issues", "VARCHAR[]"),
    ("picture", "VARCHAR"), ("business_email", "VARCHAR"), ("user_company", "VARCHAR"),
    ("processed_at", "TIMESTAMP WITH TIME ZONE"), ("processing_date", "DATE"), ("data_source", "VARCHAR"),
    ("job_name", "VARCHAR"), ("source_topic", "VARCHAR"), ("source_generation", "VARCHAR"),
    ("source_partition", "INTEGER"), ("source_offset", "BIGINT"),
]
SUMMARY = [
    ("total_records", "BIGINT"), ("high_quality_records", "BIGINT"), ("medium_quality_records", "BIGINT"),
    ("low_quality_records", "BIGINT"), ("avg_quality_score", "DOUBLE"), ("valid_emails", "BIGINT"),
    ("valid_phones", "BIGINT"), ("unique_email_domains", "BIGINT"), ("unique_countries", "BIGINT"),
    ("quality_check_timestamp", "TIMESTAMP WITH TIME ZONE"), ("processing_date", "DATE"), ("job_name", "VARCHAR"),
]


def selected(names_and_types):
    """Instants as microseconds, dates as days: Python's own types end at the year 9999."""
    out = []
    for name, kind in names_and_types:
        quoted = f'"{name}"'
        if kind.startswith("TIMESTAMP"):
            quoted = f"epoch_us({quoted})"
        elif kind == "DATE":
            quoted = f"date_diff('day', DATE '1970-01-01', {quoted})"
        out.append(quoted)
    return ", ".join(out)


def read_raw(connection, lake):
    rows = []
    for path in sorted(glob.glob(f"{glob.escape(lake)}/raw/users/**/*.parquet", recursive=True)):
        have = {row[0] for row in connection.execute("SELECT name FROM parquet_schema(?)", [path]).fetchall()}
        columns = [(name, TYPES.get(name, "VARCHAR")) for name in RAW]
        wanted = ", ".join(
            selected([column]) if column[0] in have else "NULL" for column in columns
        )
        sql = f"SELECT {wanted} FROM read_parquet(?, hive_partitioning = false)"
        rows += [dict(zip(RAW, row)) for row in connection.execute(sql, [path]).fetchall()]
    return rows


def read_published(connection, lake, table, as_of, schema):
    path = f"{lake}/curated/{table}/processing_date={as_of}/part-00000.parquet"
    described = connection.execute(
        "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [path]
    ).fetchall()
    found = [(row[0], row[1]) for row in described]
    if found != schema:
        sys.exit(f"{table}: columns differ\n  found  {found}\n  stated {schema}")
    sql = f"SELECT {selected(schema)} FROM read_parquet(?, hive_partitioning = false)"
    names = [name for name, _ in schema]
    return [dict(zip(names, row)) for row in connection.execute(sql, [path]).fetchall()]


def trimmed(text):
    if text is None:
        return None
    return text.strip(WHITE) or None


def squeezed(text):
    text = trimmed(text)
    return None if text is None else RUN.sub(" ", text)


def first_upper(character):
    # Rust's char::to_uppercase is Unicode's full mapping, as is str.upper of one character.
    return character.upper()


def name_case(text):
    text = squeezed(text)
    return None if text is None else " ".join(first_upper(w[0]) + w[1:] for w in text.split(" "))


def joined(separator, *parts):
    present = [part for part in parts if part is not None]
    return separator.join(present) if present else None


def provider(domain):
    if domain is None:
        return "unknown"
    if domain in ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com"):
        return "Personal"
    labels = domain.split(".")
    country = re.fullmatch("[a-z]{2}", labels[-1]) is not None
    before = labels[-2] if len(labels) > 1 else None
    if labels[-1] == "edu" or (country and before in ("edu", "ac")):
        return "Educational"
    if labels[-1] == "gov" or (country and before == "gov"):
        return "Government"
    return "Business"


def day_of(micros):
    return None if micros is None else micros // 86_400_000_000


def whole_years(birth, as_of):
    years = as_of.year - birth.year
    try:
        birthday = birth.replace(year=as_of.year)
    except ValueError:
        birthday = dt.date(as_of.year, 3, 1)
    return years if as_of >= birthday else years - 1


def age_group(age):
    if age is None:
        return "unknown"
    if age < 18:
        return "under-18"
    for last, group in [(24, "18-24"), (34, "25-34"), (44, "35-44"), (54, "45-54"), (64, "55-64")]:
        if age <= last:
            return group
    return "65+"


def generation(birth, as_of):
    if birth is None:
        return "unknown"
    if birth > as_of:
        return "Gen Alpha"
    for last, name in [(1945, "Silent"), (1964, "Boomer"), (1980, "Gen X"), (1996, "Millennial"), (2012, "Gen Z")]:
        if birth.year <= last:
            return name
    return "Gen Alpha"


def transform(raw, as_of, started_at):
    out = {}
    out["id"] = raw["user_id"] if trimmed(raw["user_id"]) is not None else None
    out["first_name"] = name_case(raw["first_name"])
    out["last_name"] = name_case(raw["last_name"])
    out["full_name"] = joined(" ", out["first_name"], out["last_name"])
    gender = (trimmed(raw["gender"]) or "").lower()
    out["gender"] = gender if gender in ("male", "female") else "unknown"
    email = out["email"] = trimmed(raw["email"])
    domain = email.rpartition("@")[2].lower() if email is not None and "@" in email else None
    out["email_domain"] = domain or None
    out["email_provider_type"] = provider(out["email_domain"])
    out["email_valid"] = (
        email is not None and HTML_EMAIL.fullmatch(email) is not None and "." in email.split("@")[1]
    )
    out["username"] = trimmed(raw["username"])
    out["country_code"] = trimmed(raw["country_code"])
    phone = trimmed(raw["phone"])
    digits = re.sub("[^0-9]", "", phone or "")
    out["phone_valid"] = phone is not None and 7 <= len(digits) <= 15
    if len(digits) == 10 and out["country_code"] in ("US", "CA"):
        phone = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
    out["phone"] = phone
    out["street_address"] = joined(" ", squeezed(raw["street_number"]), squeezed(raw["street_name"]))
    for part in ("city", "state", "country"):
        out[part] = squeezed(raw[part])
    out["address"] = joined(", ", out["street_address"], out["city"], out["state"], out["country"])
    out["post_code"] = trimmed(raw["postcode"])
    for part in ("latitude", "longitude"):
        value = raw[part]
        finite = value is not None and value == value and abs(value) != float("inf")
        out[part] = value if finite else None
    out["birth_date"] = day_of(raw["dob"])
    out["registration_date"] = day_of(raw["registered_at"])
    birth = None if out["birth_date"] is None else EPOCH + dt.timedelta(days=out["birth_date"])
    out["age_years"] = whole_years(birth, as_of) if birth is not None and birth <= as_of else None
    out["age_group"] = age_group(out["age_years"])
    out["generation"] = generation(birth, as_of)
    today = (as_of - EPOCH).days
    registered = out["registration_date"]
    tenure = out["account_age_days"] = None if registered is None else today - registered
    out["account_tenure_category"] = (
        "unknown" if tenure is None else "New" if tenure < 30 else "Regular" if tenure < 365 else "Veteran"
    )
    issues = []
    score = 100
    for wrong, issue, cost in [
        (out["id"] is None, "missing_id", 20),
        (not out["email_valid"], "invalid_email", 15),
        (not out["phone_valid"], "invalid_phone", 10),
    ]:
        if wrong:
            issues.append(issue)
            score -= cost
    out["data_quality_score"] = float(score)
    out["quality_issues"] = issues
    out["picture"] = trimmed(raw["picture_url"])
    local = email.rpartition("@")[0] if email is not None and "@" in email else ""
    corp = {"male": "corp-m.example", "female": "corp-f.example"}.get(out["gender"])
    out["business_email"] = f"{local}@{corp}" if local and corp else None
    out["user_company"] = None if out["username"] is None else f"{out['username']}@corp"
    out["processed_at"] = started_at
    out["processing_date"] = today
    out["data_source"] = trimmed(raw["source"])
    out["job_name"] = "raw-transformation"
    out["source_topic"] = raw["_topic"]
    out["source_generation"] = raw["_generation"]
    out["source_partition"] = raw["_partition"]
    out["source_offset"] = raw["_offset"]
    return out


def bytewise(text):
    return (text is not None, (text or "").encode())


def expected_users(raw, as_of, started_at):
    end = ((as_of - EPOCH).days + 1) * 86_400_000_000
    positions = {}
    for row in raw:
        positions.setdefault((row["_topic"], row["_generation"], row["_partition"], row["_offset"]), row)
    seen = [row for row in positions.values() if row["_timestamp"] < end]
    kept, newest = [], {}
    for row in seen:
        if trimmed(row["user_id"]) is None:
            kept.append(row)
            continue
        version = (
            row["_generation"].encode(), row["_timestamp"], row["_offset"], row["_partition"], row["_topic"].encode()
        )
        best = newest.get(row["user_id"])
        if best is None or version > best[0]:
            newest[row["user_id"]] = (version, row)
    kept += [row for _, row in newest.values()]
    users = [transform(row, as_of, started_at) for row in kept]
    users.sort(
        key=lambda u: (
            bytewise(u["id"]), bytewise(u["source_topic"]), bytewise(u["source_generation"]),
            u["source_partition"], u["source_offset"],
        )
    )
    return users


def expected_summary(users, as_of, started_at):
    scores = [int(user["data_quality_score"]) for user in users]
    return {
        "total_records": len(users),
        "high_quality_records": sum(score >= 80 for score in scores),
        "medium_quality_records": sum(50 <= score < 80 for score in scores),
        "low_quality_records": sum(score < 50 for score in scores),
        "avg_quality_score": float(Fraction(sum(scores), len(scores))) if scores else None,
        "valid_emails": sum(user["email_valid"] for user in users),
        "valid_phones": sum(user["phone_valid"] for user in users),
        "unique_email_domains": len({user["email_domain"] for user in users} - {None}),
        "unique_countries": len({user["country"] for user in users} - {None}),
        "quality_check_timestamp": started_at,
        "processing_date": (as_of - EPOCH).days,
        "job_name": "raw-transformation",
    }


def compare(table, found, expected, schema):
    wrong = []
    if len(found) != len(expected):
        wrong.append(f"{table}: {len(found)} rows, {len(expected)} expected")
    for number, (have, want) in enumerate(zip(found, expected)):
        for name, _ in schema:
            if have[name] != want[name]:
                wrong.append(f"{table} row {number} {name}: {have[name]!r}, expected {want[name]!r}")
    return wrong


def main():
    lake, as_of, started_at = os.path.abspath(sys.argv[1]), dt.date.fromisoformat(sys.argv[2]), int(sys.argv[3])
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    users = expected_users(read_raw(connection, lake), as_of, started_at)
    summary = expected_summary(users, as_of, started_at)
    found = read_published(connection, lake, "users_transformed", as_of, USERS)
    wrong = compare("users_transformed", found, users, USERS)
    found_summary = read_published(connection, lake, "data_quality_summary", as_of, SUMMARY)
    wrong += compare("data_quality_summary", found_summary, [summary], SUMMARY)
    if wrong:
        sys.exit("\n".join(wrong[:40] + ([f"… {len(wrong)} in all"] if len(wrong) > 40 else [])))
    print(f"{len(users)} rows, {len(users) * len(USERS) + len(SUMMARY)} cells agree")


main()
