"""The peer of `land: Protobuf to Parquet`: the same columns, codec and level, fsynced. Usage: land_pyarrow.py FOLDER; prints CPU
seconds."""

import os
import time

import pyarrow.parquet as pq

from interactions import FOLDER, SCHEMA, batches, values
from protobuf_columns import columns_of


def main():
    every = values()
    before = time.process_time()
    with open(FOLDER / "peer.parquet", "wb") as out:
        with pq.ParquetWriter(out, SCHEMA, compression="zstd", compression_level=1) as writer:
            for batch in batches(every, columns_of):
                writer.write_batch(batch)
        out.flush()
        os.fsync(out.fileno())
    print(time.process_time() - before)


if __name__ == "__main__":
    main()
