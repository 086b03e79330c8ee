"""The peers of `compact`: the small objects of each group become one, by offset, with the same codec and level. Usage: merge_peers.py
duckdb|pyarrow HOUR OUT; prints seconds, seconds of CPU and the objects that were merged."""

import collections
import os
import pathlib
import sys
import time


def groups(hour):
    found = collections.defaultdict(list)
    for path in sorted(pathlib.Path(hour).iterdir()):
        _, generation, partition, _, _ = path.name.rsplit("-", 4)
        found[generation, partition].append(str(path))
    return found


def by_duckdb(files, out):
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_parquet(?) ORDER BY _offset) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)",
            [files],
        )


def by_pyarrow(files, out):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables([pq.ParquetFile(file).read() for file in files]).sort_by("_offset")
    pq.write_table(table, out, compression="zstd", compression_level=1)


def main():
    peer, hour, out = sys.argv[1:]
    merge = {"duckdb": by_duckdb, "pyarrow": by_pyarrow}[peer]
    # Imports are not the work.
    __import__(peer)
    begin, cpu, merged = time.perf_counter(), time.process_time(), 0
    for number, files in enumerate(groups(hour).values()):
        target = os.path.join(out, f"{peer}-{number}.parquet")
        merge(files, target)
        with open(target, "rb+") as written:
            os.fsync(written.fileno())
        merged += len(files)
    print(time.perf_counter() - begin, time.process_time() - cpu, merged)


if __name__ == "__main__":
    main()
