"""The same by Spark, with Iceberg's jar: by_spark.py LAKE HISTORY JAR."""

import json
import pathlib
import sys

from pyspark.sql import SparkSession

lake, jar = pathlib.Path(sys.argv[1]), sys.argv[3]
history = json.loads(pathlib.Path(sys.argv[2]).read_text())["snapshots"]
settings = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.jars": jar,
    "spark.driver.memory": "1g",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.lake.type": "hadoop",
    "spark.sql.catalog.lake.warehouse": f"file://{lake}",
}
builder = SparkSession.builder.master("local[2]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()

compared = 0
tables = sorted({one["table"] for one in history})
for name in tables:
    (folder,) = [path for path in lake.glob(f"*/{name}") if path.parent.name != "iceberg"]
    files = [str(path) for path in sorted(folder.rglob("*.parquet"))]
    # File by file: Spark would take the day of the folder for the column of the file.
    published = spark.read.parquet(files[0])
    for file in files[1:]:
        published = published.unionByName(spark.read.parquet(file))
    seen = spark.sql(f"SELECT * FROM lake.iceberg.{name}")
    assert seen.columns == published.columns, (name, seen.columns, published.columns)
    for one, other in ((seen, published), (published, seen)):
        more = one.exceptAll(other).count()
        assert more == 0, f"{name}: {more} rows differ"
    compared += seen.count()
    for snapshot in (one for one in history if one["table"] == name):
        rows = spark.sql(f"SELECT COUNT(*) FROM lake.iceberg.{name} VERSION AS OF {snapshot['snapshot']}").first()[0]
        assert rows == snapshot["rows"], f"{name} as of {snapshot}: {rows}"
print("TOLD " + json.dumps({"tables": tables, "rows": compared}))
spark.stop()
