"""Does what a REST catalogue's server does with requests: takes [[metadata, request], ...] as JSON on its standard input, holds each request against
pyiceberg's models and its requirements against the metadata, and answers the metadata that its updates make."""

import json
import sys

from pyiceberg.table import CommitTableRequest, TableIdentifier
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.table.update import update_table_metadata

made = []
for metadata, request in json.load(sys.stdin):
    base = TableMetadataUtil.parse_raw(json.dumps(metadata))
    identifier = TableIdentifier.model_validate({"namespace": ["lake"], "name": "users"})
    commit = CommitTableRequest.model_validate({"identifier": identifier, **request})
    for requirement in commit.requirements:
        requirement.validate(base)
    made.append(json.loads(update_table_metadata(base, commit.updates).model_dump_json()))
print(json.dumps(made))
