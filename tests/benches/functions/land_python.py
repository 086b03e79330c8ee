"""The peer: a Lambda function in Python that lands a batch of users, with a runtime loop as small as it can be.

Usage: land_python.py DESCRIPTORS OUT; AWS_LAMBDA_RUNTIME_API names the runtime API.
"""

import base64
import http.client
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

POOL = descriptor_pool.DescriptorPool()
with open(sys.argv[1], "rb") as descriptors:
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors.read()).file:
        POOL.Add(file)
UserCreated = message_factory.GetMessageClass(POOL.FindMessageTypeByName("millrace.users.v1.UserCreated"))
TYPES = {"latitude": pa.float64(), "longitude": pa.float64(), "source_page": pa.int32()}
INSTANT = pa.timestamp("us", "UTC")


def column(users, field):
    name = field.name
    if field.message_type is None:
        values = [getattr(user, name) if user.HasField(name) else None for user in users]
        return pa.array(values, TYPES.get(name, pa.string()))
    instants = [getattr(user, name) if user.HasField(name) else None for user in users]
    return pa.array([None if i is None else i.seconds * 1_000_000 + i.nanos // 1_000 for i in instants], INSTANT)


def land(event):
    for records in event["records"].values():
        users = [UserCreated.FromString(base64.b64decode(record["value"])) for record in records]
        columns = {field.name: column(users, field) for field in UserCreated.DESCRIPTOR.fields}
        columns["_key"] = pa.array([base64.b64decode(record["key"]).decode() for record in records])
        columns["_partition"] = pa.array([record["partition"] for record in records], pa.int32())
        columns["_offset"] = pa.array([record["offset"] for record in records], pa.int64())
        columns["_timestamp"] = pa.array([record["timestamp"] * 1_000 for record in records], INSTANT)
        with open(sys.argv[2], "wb") as out:
            pq.write_table(pa.table(columns), out, compression="zstd", compression_level=1)
            out.flush()
            os.fsync(out.fileno())
    return {"batchItemFailures": []}


api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    invocation = api.getresponse()
    body = invocation.read()
    answer = json.dumps(land(json.loads(body)), separators=(",", ":"))
    request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", answer)
    api.getresponse().read()
