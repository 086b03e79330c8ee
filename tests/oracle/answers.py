"""An independent reading of events.md and tables.md: API answers -> raw/users, dead letters, users_transformed and
data_quality_summary, cell by cell, written from the contracts alone.

    python answers.py ANSWERS_DIR LAKE AS_OF SUMMARY.json

Computes from the answers alone (*.json of ANSWERS_DIR, rules in answers_rules.py) what one

    millrace run --source recorded:ANSWERS_DIR --lake LAKE --as-of AS_OF --json > SUMMARY.json

into an empty lake has to leave there, all but the instants of writing. Prints one line with the counts of cells
compared, or up to 40 differences (place, expected, found, the user as the API gave it) and exits 1.
"""

import base64
import collections
import datetime as dt
import glob
import json
import os
import re
import struct
import sys
from dataclasses import dataclass
from fractions import Fraction

import pyarrow as pa
import pyarrow.parquet as pq

from answers_rules import (
    EPOCH, MICROS_A_DAY, is_blank, letter_key, parse, partition_of, read_user, transform, without_secrets, written
)

SHOWN = 40
LAST_MILLI = 86_399_999
NO_USER = object()

RAW = """
    user_id title first_name last_name gender street_number street_name city state country country_code postcode
    latitude longitude timezone_offset timezone_description email username dob registered_at phone cell
    national_id_name national_id_value picture_url fetched_at source source_seed source_page gender_branch
    business_email user_company _topic _generation _partition _offset _timestamp _ingested_at""".split()
USERS = """
    id first_name last_name full_name gender email email_domain email_provider_type email_valid username phone
    phone_valid address street_address city state country country_code post_code latitude longitude birth_date
    age_years age_group generation registration_date account_age_days account_tenure_category data_quality_score
    quality_issues picture business_email user_company processed_at processing_date data_source job_name source_topic
    source_generation source_partition source_offset""".split()
SUMMARY = """
    total_records high_quality_records medium_quality_records low_quality_records avg_quality_score valid_emails
    valid_phones unique_email_domains unique_countries quality_check_timestamp processing_date job_name""".split()
# Only the clock knows these.
INSTANTS_OF_WRITING = {"_ingested_at", "processed_at", "quality_check_timestamp"}

INSTANT = pa.timestamp("us", "UTC")
# Of raw/users and users_transformed; every other column is text.
TYPES = {
    **dict.fromkeys(["latitude", "longitude", "data_quality_score"], pa.float64()),
    **dict.fromkeys(["source_page", "_partition", "source_partition", "age_years", "account_age_days"], pa.int32()),
    **dict.fromkeys(["_offset", "source_offset"], pa.int64()),
    **dict.fromkeys(["dob", "registered_at", "fetched_at", "_timestamp", "_ingested_at", "processed_at"], INSTANT),
    **dict.fromkeys(["birth_date", "registration_date", "processing_date"], pa.date32()),
    **dict.fromkeys(["email_valid", "phone_valid"], pa.bool_()),
}
TEXTS = {pa.string(), pa.large_string(), pa.string_view()}
OBJECT_NAME = re.compile(
    r".*/date=(?P<day>[0-9-]+)/hour=[0-9]{2}/users_created-(?P<generation>[0-9a-z]{1,32})"
    r"-(?P<partition>[0-9]{5})-(?P<first>[0-9]{20})-(?P<last>[0-9]{20})\.parquet"
)


# What the answers have to become.


@dataclass
class Landed:
    row: dict
    user: object


@dataclass
class Rejected:
    page: int | None
    index: int
    fetched_at: int
    faults: set
    user: object


class Expected:
    """Every record and dead letter of the answers, in the order of fetching."""

    def __init__(self, folder, as_of, generation):
        self.landed, self.rejected, self.fetched = [], [], 0
        self.unparsable = collections.Counter()
        self.generation = generation
        self.midnight = (as_of.toordinal() - EPOCH) * MICROS_A_DAY
        self.next_offset = collections.Counter()
        for name in sorted((name for name in os.listdir(folder) if name.endswith(".json")), key=natural):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                self.fetch(dict(parse(file.read())))

    def fetch(self, answer):
        info = dict(answer.get("info") or [])
        seed, page = info.get("seed"), info.get("page")
        origin = {
            "source": "randomuser_api",
            "source_seed": None if seed is None or is_blank(seed) else str(seed),
            "source_page": None if page is None else int(page),
        }
        for index, user in enumerate(answer["results"]):
            fetched_at = self.midnight + min(self.fetched, LAST_MILLI) * 1000
            self.fetched += 1
            reading = read_user(user)
            self.unparsable.update(reading.unparsable)
            if reading.faults:
                rejected = Rejected(origin["source_page"], index, fetched_at, reading.faults, user)
                self.rejected.append(rejected)
            else:
                self.landed.append(Landed(self.record(reading.columns, origin, fetched_at), user))

    def record(self, columns, origin, fetched_at):
        partition = partition_of(columns["user_id"])
        offset = self.next_offset[partition]
        self.next_offset[partition] += 1
        position = {
            "_topic": "users_created", "_generation": self.generation, "_partition": partition, "_offset": offset
        }
        return {**columns, **origin, **position, "fetched_at": fetched_at, "_timestamp": fetched_at}

    def current(self):
        """Each id's newest record and all without one, sorted as users_transformed is."""
        newest = {}
        for number, landed in enumerate(self.landed):
            user_id = landed.row["user_id"]
            newest[number if user_id is None else user_id] = landed
        return sorted(newest.values(), key=lambda landed: table_order(landed.row))


def natural(name):
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.findall(r"\d+|\D", name)]


def table_order(row):
    user_id = row["user_id"]
    return (user_id is not None, (user_id or "").encode(), row["_partition"], row["_offset"])


def quality_summary(users, as_of):
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
        "processing_date": as_of.toordinal() - EPOCH,
        "job_name": "raw-transformation",
    }


# What the lake holds.


def read_table(path):
    """(schema, rows): instants as µs and dates as days, for Python's own end at the year 9999."""
    table = pq.ParquetFile(path).read()
    columns = {}
    for name, column in zip(table.schema.names, table.columns):
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        elif pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        columns[name] = column.to_pylist()
    return table.schema, [dict(zip(columns, row)) for row in zip(*columns.values())]


def read_published(lake, table, as_of):
    [path] = glob.glob(f"{glob.escape(lake)}/curated/{table}/processing_date={as_of}/*.parquet")
    return read_table(path)


def read_letters(lake):
    for path in glob.glob(f"{glob.escape(lake)}/_dead_letters/**/*.jsonl", recursive=True):
        with open(path, encoding="utf-8") as file:
            yield from map(json.loads, file)


def from_base64(text):
    return None if text is None else base64.b64decode(text).decode("utf-8", "replace")


def same(one, other):
    """Alike in type too; floats bit for bit."""
    if type(one) is not type(other):
        return False
    return struct.pack("d", one) == struct.pack("d", other) if isinstance(one, float) else one == other


# One against the other.


class Comparison:
    def __init__(self):
        self.differences = []
        self.compared = collections.Counter()

    def differs(self, place, expected, found, user=NO_USER):
        told = f"{place}: expected {expected!r}, found {found!r}"
        if user is not NO_USER:
            told += f"\n    of {written(user)[:1500]}"
        self.differences.append(told)

    def expect(self, place, expected, found, user=NO_USER):
        if not same(expected, found):
            self.differs(place, expected, found, user)

    def cells(self, table, row_name, expected, found, columns, user=NO_USER):
        for column in columns:
            if column not in INSTANTS_OF_WRITING:
                self.compared[table] += 1
                self.expect(f"{table} {row_name} {column}", expected[column], found[column], user)

    def schema(self, place, schema, columns):
        self.expect(f"{place}: columns", columns, schema.names)
        for column in schema:
            if column.name == "quality_issues":
                right = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
            elif column.name in TYPES:
                right = column.type == TYPES[column.name]
            else:
                right = column.type in TEXTS
            if not right:
                self.differs(f"{place}: type of {column.name}", TYPES.get(column.name, "text"), column.type)

    def raw_users(self, expected, lake, as_of):
        found = {}
        for path in glob.glob(f"{glob.escape(lake)}/raw/users/**/*.parquet", recursive=True):
            schema, rows = read_table(path)
            self.schema(path, schema, RAW)
            self.object_name(path, rows, as_of)
            for row in rows:
                if row["_timestamp"] in found:
                    self.differs("raw/users", "one row of a user", row)
                found[row["_timestamp"]] = row
        for landed in expected.landed:
            timestamp = landed.row["_timestamp"]
            row_name = f"user {(timestamp - expected.midnight) // 1000}"
            row = found.pop(timestamp, None)
            if row is None:
                self.differs(f"raw/users {row_name}", "a row", None, landed.user)
            else:
                self.cells("raw/users", row_name, landed.row, row, RAW, landed.user)
        for row in found.values():
            self.differs("raw/users", None, row)

    def object_name(self, path, rows, as_of):
        parts = OBJECT_NAME.fullmatch(path)
        if parts is None:
            self.differs("raw/users", "an object's name", path)
            return
        first, last = rows[0], rows[-1]
        self.expect(f"{path}: day", str(as_of), parts["day"])
        self.expect(f"{path}: generation", first["_generation"], parts["generation"])
        self.expect(f"{path}: partition", first["_partition"], int(parts["partition"]))
        self.expect(f"{path}: offsets", (first["_offset"], last["_offset"]), (int(parts["first"]), int(parts["last"])))

    def dead_letters(self, expected, lake):
        letters = list(read_letters(lake))
        self.expect("dead letters", len(expected.rejected), len(letters))
        found = {dict(letter["headers"])["source-timestamp"]: letter for letter in letters}
        for rejected in expected.rejected:
            fetched = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=rejected.fetched_at)
            letter = found.pop(fetched.isoformat(timespec="milliseconds") + "Z", None)
            if letter is None:
                self.differs(f"dead letter of {fetched}", rejected.faults, None, rejected.user)
            else:
                self.dead_letter(rejected, letter)
        for timestamp, letter in found.items():
            self.differs(f"dead letter of {timestamp}", None, (letter["headers"], from_base64(letter["value"])))

    def dead_letter(self, rejected, letter):
        self.compared["dead letters"] += 1
        place, user = f"dead letter {rejected.index} of page {rejected.page}", rejected.user
        headers = dict(letter["headers"])
        kind, message = headers["error-kind"], headers["error-message"]
        if not any(tells(kind, message, fault) for fault in rejected.faults):
            self.differs(f"{place}: error", rejected.faults, (kind, message), user)
        stated = {
            "source-topic": "randomuser_api", "source-partition": str(rejected.page),
            "source-offset": str(rejected.index), "attempts": "1",
        }
        self.expect(f"{place}: headers", stated, {name: headers.get(name) for name in stated}, user)
        self.expect(f"{place}: key", letter_key(user), from_base64(letter["key"]), user)
        # Written anew from the parsed value, so that neither white space nor escapes count.
        self.expect(f"{place}: value", written(without_secrets(user)), rewritten(from_base64(letter["value"])), user)

    def users_transformed(self, expected, lake, as_of):
        """Gives the expected rows."""
        schema, rows = read_published(lake, "users_transformed", as_of)
        self.schema("users_transformed", schema, USERS)
        current = expected.current()
        positions = [(each.row["user_id"], each.row["_partition"], each.row["_offset"]) for each in current]
        found = {(row["id"], row["source_partition"], row["source_offset"]): row for row in rows}
        self.expect("users_transformed: rows", len(current), len(rows))
        if positions != list(found):
            moved = [pair for pair in zip(positions, found) if pair[0] != pair[1]]
            self.differs("users_transformed: order", *(moved or [(len(positions), len(found))])[0])
        transformed = []
        for position, landed in zip(positions, current):
            transformed.append(transform(landed.row, as_of))
            if position in found:
                row_name = " ".join(map(str, position))
                self.cells("users_transformed", row_name, transformed[-1], found[position], USERS, landed.user)
            else:
                self.differs(f"users_transformed {position}", "a row", None, landed.user)
        return transformed

    def data_quality_summary(self, expected, lake, as_of):
        schema, rows = read_published(lake, "data_quality_summary", as_of)
        self.expect("data_quality_summary: columns", SUMMARY, schema.names)
        self.expect("data_quality_summary: rows", 1, len(rows))
        for row in rows:
            self.cells("data_quality_summary", "row", expected, row, SUMMARY)

    def run_summary(self, expected, users, told):
        counts = {
            "fetched": expected.fetched, "landed": len(expected.landed), "rejected": len(expected.rejected),
            "duplicates": len(expected.landed) - users, "unparsable": dict(expected.unparsable),
        }
        for name, count in counts.items():
            self.expect(f"summary: {name}", count, told.get(name))


def tells(kind, message, fault):
    """Whether a letter's error is this one of the user's faults: kind, path and shape found."""
    expected_kind, path, found = fault
    named = kind == "no_identity" or re.search(re.escape(path) + r"(?![\w.])", message)
    return kind == expected_kind and bool(named) and found in message


def rewritten(text):
    try:
        return written(parse(text))
    except (TypeError, ValueError) as error:
        return f"no JSON ({error}): {text}"


def main():
    answers, lake, as_of = sys.argv[1], os.path.abspath(sys.argv[2]), dt.date.fromisoformat(sys.argv[3])
    with open(sys.argv[4], encoding="utf-8") as file:
        summary = json.load(file)
    expected = Expected(answers, as_of, summary["generation"])
    comparison = Comparison()
    comparison.raw_users(expected, lake, as_of)
    comparison.dead_letters(expected, lake)
    users = comparison.users_transformed(expected, lake, as_of)
    comparison.data_quality_summary(quality_summary(users, as_of), lake, as_of)
    comparison.run_summary(expected, len(users), summary)
    differences = comparison.differences
    if differences:
        print("\n".join(differences[:SHOWN] + [f"{len(differences)} differences in all"]))
        sys.exit(1)
    compared = ", ".join(f"{count} of {place}" for place, count in comparison.compared.items())
    print(f"{sum(comparison.compared.values())} cells and letters agree at {as_of}: {compared}")


main()
