"""Reads an Iceberg table by its name in Glue and sets a property of it: read_by_pyiceberg_in_glue.py ENDPOINT DATABASE TABLE"""

import json
import sys

from pyiceberg.catalog.glue import GlueCatalog

endpoint, database, name = sys.argv[1:]
catalog = GlueCatalog("lake", **{
    "glue.endpoint": endpoint,
    "glue.region": "us-east-1",
    "glue.access-key-id": "millrace-test",
    "glue.secret-access-key": "millrace-test",
})
table = catalog.load_table((database, name))
rows = sorted(row["n"] for row in table.scan().to_arrow().to_pylist())
with table.transaction() as transaction:
    transaction.set_properties({"read-by": "pyiceberg"})
print(json.dumps({
    "tables": catalog.list_tables(database),
    "rows": rows,
    "committed": catalog.load_table((database, name)).properties["read-by"] == "pyiceberg",
}))
