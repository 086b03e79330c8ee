"""The peer of `records: JSON to Parquet`: nested JSON users to Parquet as a good engineer writes it in Python.

Usage: json_pyarrow.py USERS.ndjson OUT.parquet; prints the CPU seconds from bytes in memory to the fsynced file.
"""

import datetime
import json
import os
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

pa.set_cpu_count(1)
UTC = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
SCHEMA = pa.schema(
    [(name, TEXT) for name in ("user_id", "title", "first_name", "last_name", "gender", "street_number", "street_name",
                               "city", "state", "country", "country_code", "postcode")]
    + [("latitude", pa.float64()), ("longitude", pa.float64())]
    + [(name, TEXT) for name in ("timezone_offset", "timezone_description", "email", "username")]
    + [("dob", UTC), ("registered_at", UTC)]
    + [(name, TEXT) for name in ("phone", "cell", "national_id_name", "national_id_value", "picture_url")]
    + [("fetched_at", UTC), ("source", TEXT), ("source_seed", TEXT), ("source_page", pa.int32()),
       ("gender_branch", TEXT), ("business_email", TEXT), ("user_company", TEXT), ("_topic", TEXT),
       ("_generation", TEXT), ("_partition", pa.int32()), ("_offset", pa.int64()), ("_timestamp", UTC),
       ("_ingested_at", UTC)]
)
ABSENT = ("title", "national_id_name", "national_id_value", "fetched_at", "source_seed", "source_page", "gender_branch",
          "business_email", "user_company")
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def instant(text):
    return None if text is None else datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def batch(lines, first_offset):
    columns = {name: [] for name in SCHEMA.names if name not in ABSENT}
    for index, line in enumerate(lines):
        user = json.loads(line)
        address = user["address"]
        number, _, street = address["street"].partition(" ")
        coordinates, timezone = address["coordinates"], address["timezone"]
        row = {
            "user_id": user["id"], "first_name": user["first_name"], "last_name": user["last_name"],
            "gender": user["gender"], "street_number": number, "street_name": street, "city": address["city"],
            "state": address["state"], "country": address["country"], "country_code": user["nationality"],
            "postcode": address["postcode"], "latitude": float(coordinates["latitude"]),
            "longitude": float(coordinates["longitude"]), "timezone_offset": timezone["offset"],
            "timezone_description": timezone["description"], "email": user["email"], "username": user["username"],
            "dob": instant(user["dob"]), "registered_at": instant(user["registered_date"]), "phone": user["phone"],
            "cell": user["cell"], "picture_url": user["picture"], "source": "external", "_topic": "users_created",
            "_generation": "bench", "_partition": 0, "_offset": first_offset + index, "_timestamp": NOW,
            "_ingested_at": NOW,
        }
        for name, column in columns.items():
            column.append(row[name])
    rows = len(columns["user_id"])
    arrays = [pa.nulls(rows, field.type) if field.name in ABSENT else pa.array(columns[field.name], field.type)
              for field in SCHEMA]
    return pa.record_batch(arrays, schema=SCHEMA)


def main():
    with open(sys.argv[1], "rb") as file:
        lines = file.read().split(b"\n")
    before = time.process_time()
    with open(sys.argv[2], "wb") as out:
        with pq.ParquetWriter(out, SCHEMA, compression="zstd", compression_level=1) as writer:
            for first in range(0, len(lines), 4096):
                writer.write_batch(batch(lines[first:first + 4096], first))
        out.flush()
        os.fsync(out.fileno())
    print(time.process_time() - before)


if __name__ == "__main__":
    main()
