"""The peer of `decode: Avro to Arrow`. Usage: decode_avro.py FOLDER; prints CPU seconds."""

import io
import json

import fastavro

from interactions import FIELDS, FOLDER, run

WRITTEN = json.loads((FOLDER / "schema.avsc").read_text())
# Without the logical type fastavro gives the number, which is what a column is made of: a datetime costs twice.
for field in WRITTEN["fields"]:
    for branch in field["type"]:
        if isinstance(branch, dict):
            branch.pop("logicalType", None)
SCHEMA = fastavro.parse_schema(WRITTEN)
NAMES = [name for name, _ in FIELDS]


def columns_of(values):
    read = fastavro.schemaless_reader
    # The schema's id stands in the five bytes before.
    events = [read(io.BytesIO(value[5:]), SCHEMA) for value in values]
    return [[event[name] for event in events] for name in NAMES]


run(columns_of)
