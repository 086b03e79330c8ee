"""Kafka's records of JSON into Parquet by Spark Structured Streaming; prints rows, seconds and the JVM's CPU seconds.

Usage: land_spark.py BROKERS TOPIC FOLDER_OF_JARS OUT
"""

import glob
import json
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

brokers, topic, jars, out = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.memory", "4g")
    .config("spark.jars", ",".join(glob.glob(f"{jars}/*.jar")))
    .config("spark.ui.enabled", "false")
    .config("spark.sql.parquet.compression.codec", "zstd")
    .config("spark.io.compression.zstd.level", "1")
    .config("spark.hadoop.parquet.compression.codec.zstd.level", "1")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
options = {"kafka.bootstrap.servers": brokers, "subscribe": topic, "startingOffsets": "earliest"}

# The columns, of a sample and not of the whole: stated before the time begins, as ours are.
sample = spark.read.format("kafka").options(**options).load().limit(2_000)
schema = spark.read.json(sample.select(F.col("value").cast("string")).rdd.map(lambda row: row[0])).schema

# A first run of a few records warms the JVM up.
warm = spark.read.format("kafka").options(**options).load().limit(50_000)
warm.select(F.from_json(F.col("value").cast("string"), schema).alias("e")).select("e.*").write.parquet(f"{out}/warm")


def cpu_seconds():
    bean = spark.sparkContext._jvm.java.lang.management.ManagementFactory.getOperatingSystemMXBean()
    method = spark.sparkContext._jvm.java.lang.Class.forName("com.sun.management.OperatingSystemMXBean").getMethod(
        "getProcessCpuTime", None
    )
    return method.invoke(bean, None) / 1e9


before, began = cpu_seconds(), time.monotonic()
events = (
    spark.readStream.format("kafka")
    .options(**options)
    .option("includeHeaders", "true")
    .load()
    .select(
        F.from_json(F.col("value").cast("string"), schema).alias("e"),
        F.col("key").cast("string").alias("source_key"),
        F.col("topic").alias("source_topic"),
        F.col("partition").alias("source_partition"),
        F.col("offset").alias("source_offset"),
        F.col("timestamp").alias("source_timestamp"),
    )
    .select("e.*", "source_key", "source_topic", "source_partition", "source_offset", "source_timestamp")
)
query = (
    events.writeStream.format("parquet")
    .option("checkpointLocation", f"{out}/checkpoint")
    .option("path", f"{out}/table")
    .trigger(availableNow=True)
    .start()
)
query.awaitTermination()
seconds, cpu = time.monotonic() - began, cpu_seconds() - before
rows = spark.read.parquet(f"{out}/table").count()
print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu}))
spark.stop()
