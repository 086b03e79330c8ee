"""What the peers share: their input and the columns of an interaction, in batches of 4,096 rows."""

import pathlib
import struct
import sys
import time

import pyarrow as pa

pa.set_cpu_count(1)
ROWS = 4096
UTC = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
FIELDS = [("event_id", TEXT), ("user_id", TEXT), ("session_id", TEXT), ("event_type", TEXT), ("event_timestamp", UTC),
          ("request_latency_ms", pa.int32()), ("status", TEXT), ("error_code", pa.int32()), ("product_id", pa.int32())]
SCHEMA = pa.schema(FIELDS + [("_topic", TEXT), ("_generation", TEXT), ("_partition", pa.int32()), ("_offset", pa.int64()),
                             ("_timestamp", UTC), ("_ingested_at", UTC)])
NOW = pa.scalar(1_770_076_800_000_000, UTC)
FOLDER = pathlib.Path(sys.argv[1])


def values():
    data = (FOLDER / "values").read_bytes()
    found, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        found.append(data[at + 4:at + 4 + length])
        at += 4 + length
    return found


def batch(columns, first_offset):
    """`columns` are lists or arrays of the fields, in their order."""
    rows = len(columns[0])
    arrays = [column if isinstance(column, pa.Array) else pa.array(column, kind)
              for column, (_, kind) in zip(columns, FIELDS)]
    arrays += [pa.repeat("user_interactions", rows), pa.repeat("bench", rows), pa.repeat(pa.scalar(0, pa.int32()), rows),
               pa.array(range(first_offset, first_offset + rows), pa.int64()), pa.repeat(NOW, rows), pa.repeat(NOW, rows)]
    return pa.record_batch(arrays, schema=SCHEMA)


def batches(every, columns_of):
    for first in range(0, len(every), ROWS):
        yield batch(columns_of(every[first:first + ROWS]), first)


def run(columns_of):
    """Decodes everything and prints the CPU seconds that it took."""
    every = values()
    before = time.process_time()
    rows = sum(decoded.num_rows for decoded in batches(every, columns_of))
    seconds = time.process_time() - before
    assert rows == len(every)
    print(seconds)
