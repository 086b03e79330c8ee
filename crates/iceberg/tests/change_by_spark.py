"""Reads an Iceberg table by Spark, changes it where it is asked to, and tells what it saw as JSON:
change_by_spark.py JAR LAKE [STATEMENT ...]."""

import json
import sys

from pyspark.sql import SparkSession

jar, lake, *statements = sys.argv[1:]
settings = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.jars": jar,
    "spark.driver.memory": "700m",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.lake.type": "hadoop",
    "spark.sql.catalog.lake.warehouse": f"file://{lake}",
}
builder = SparkSession.builder.master("local[1]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()


def rows(statement):
    return [row.asDict() for row in spark.sql(statement).collect()]


table = "lake.iceberg.users"
history = rows(f"SELECT snapshot_id, operation FROM {table}.snapshots ORDER BY committed_at")
told = {
    "now": rows(f"SELECT * FROM {table} ORDER BY n"),
    "then": {str(one["snapshot_id"]): rows(f"SELECT * FROM {table} VERSION AS OF {one['snapshot_id']} ORDER BY n") for one in history},
    "operations": [one["operation"] for one in history],
    "partitions": rows(f"SELECT partition.processing_date AS day, record_count, file_count FROM {table}.partitions ORDER BY 1"),
    "files": rows(f"SELECT COUNT(*) AS n FROM {table}.all_data_files"),
}
for statement in statements:
    spark.sql(statement)
told["after"] = rows(f"SELECT * FROM {table} ORDER BY n")
print("TOLD " + json.dumps(told, default=str))
spark.stop()
