"""The three jobs in PySpark, in ordinary DataFrame code: the peer of `cargo xtask bench jobs`.

    python spark_jobs.py LAKE AS_OF STARTED_AT_MICROS OUT

Reads LAKE's raw objects and writes OUT/<table>/part-….parquet, 17 tables, one file each, in key order, with built-in
functions alone. Prints one JSON object: seconds of each job and in all, from the first read to the last file written,
CPU seconds and the peak memory of the JVM; the start of Python, the JVM and the session are told apart as
`start_seconds`.
"""

import time

STARTED = time.monotonic()

import datetime as dt
import json
import os
import sys

import pyspark
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import spark_tables
import spark_users


def session(out):
    return (
        SparkSession.builder.master("local[2]")
        .appName("millrace-bench")
        .config("spark.driver.memory", "8g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.local.dir", os.path.join(out, ".spill"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.adaptive.enabled", "true")
        # Two cores: the 200 partitions of a cluster would be 200 small tasks. Adaptive execution joins small ones.
        .config("spark.sql.shuffle.partitions", "16")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def of_process(pid):
    """CPU seconds and peak bytes of a running process."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM:")).split()[1]
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak) * 1024


def main():
    lake, as_of, started_at, out = sys.argv[1:5]
    spark = session(out)
    # A session is up when it has answered something.
    spark.range(1).count()
    jvm = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    run = spark_users.Run(dt.date.fromisoformat(as_of), int(started_at))

    def write(table, frame, *key):
        # One file in order, by one task. orderBy() would compute the frame twice, the first time for its ranges.
        in_order = frame.repartition(1).sortWithinPartitions(*[F.asc_nulls_first(name) for name in key])
        in_order.write.parquet(os.path.join(out, table))
        print(f"spark: {table}", file=sys.stderr)

    def raw_transformation():
        raw = spark.read.schema(spark_users.RAW).option("recursiveFileLookup", "true").parquet(f"{lake}/raw/users")
        users = spark_users.users_transformed(raw, run)
        write("users_transformed", users, *spark_users.KEY)
        published = spark.read.schema(users.schema).parquet(os.path.join(out, "users_transformed"))
        write("data_quality_summary", spark_users.data_quality_summary(published, run), "processing_date")
        return published

    begun = time.monotonic()
    published = raw_transformation()
    jobs = {"raw-transformation": time.monotonic() - begun}
    tables = spark_tables.Tables(published, run, write)
    for name, job in [
        ("analytics-aggregation", tables.analytics_aggregation),
        ("time-series-analysis", tables.time_series_analysis),
    ]:
        since = time.monotonic()
        job()
        jobs[name] = time.monotonic() - since
    ended = time.monotonic()
    cpu_seconds, peak = of_process(jvm)
    print(json.dumps({
        "peer": f"Spark {pyspark.__version__}",
        "start_seconds": begun - STARTED,
        "seconds": ended - begun,
        "jobs": jobs,
        "cpu_seconds": cpu_seconds,
        "peak_rss_bytes": peak,
    }))
    spark.stop()


main()
