"""Ad events as teams write them that share types by a registry's references: Confluent's own serializers, in Avro, Protobuf and JSON.

    shared_types.py BROKERS REGISTRY MARK

Each encoding has a subject of its own for its values (TopicRecordNameStrategy and its kin: a subject holds one encoding). The records' user_id
begins with MARK. Prints how many were produced.
"""

import json
import sys
from datetime import datetime, timezone

from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

TOPIC = "ad_events"
IDS = ["event_id", "user_id", "session_id", "ad_id", "campaign_id"]
EACH = 3

brokers, url, mark = sys.argv[1:]
registry = SchemaRegistryClient({"url": url})
producer = Producer({"bootstrap.servers": brokers})


def subject_of(name):
    return lambda _context, _record: f"{mark}-{name}-value"


def produce(name, at, value):
    producer.produce(TOPIC, key=f"{mark}-{name}-{at}", value=value)


def ids(name, at):
    return {field: f"{mark}-{name}-{at}" if field == "user_id" else f"{name}-{at}-{field}" for field in IDS}


def avro():
    """A record whose enum and whose place are of two other subjects, one of which refers to the other; then a union of records."""
    action = {"type": "enum", "name": "Action", "namespace": "shared", "symbols": ["CLICK", "IMPRESSION"]}
    place = {
        "type": "record", "name": "Where", "namespace": "shared",
        "fields": [{"name": "lastly", "type": ["null", "Action"], "default": None}, {"name": "points", "type": {"type": "array", "items": "double"}}],
    }
    registry.register_schema(f"{mark}-action", Schema(json.dumps(action), "AVRO"))
    of_action = SchemaReference("shared.Action", f"{mark}-action", 1)
    registry.register_schema(f"{mark}-place", Schema(json.dumps(place), "AVRO", [of_action]))
    of_place = SchemaReference("shared.Where", f"{mark}-place", 1)
    event = {
        "type": "record", "name": "AdEvent", "namespace": "theirs",
        "fields": [{"name": name, "type": "string"} for name in IDS]
        + [
            {"name": "where", "type": "shared.Where"},
            {"name": "action", "type": ["null", "shared.Action"]},
            {"name": "cost_micros", "type": "int"},
        ],
    }

    def value(name, at):
        return {**ids(name, at), "where": {"lastly": "CLICK", "points": [1.5, 2.5]}, "action": "CLICK", "cost_micros": 17}

    context = SerializationContext(TOPIC, MessageField.VALUE)
    schema = Schema(json.dumps(event), "AVRO", [of_action, of_place])
    serializer = AvroSerializer(registry, schema, conf={"subject.name.strategy": subject_of("avro")})
    for at in range(EACH):
        produce("avro", at, serializer(value("avro", at), context))

    registry.register_schema(f"{mark}-event", schema)
    other = {"type": "record", "name": "Other", "namespace": "theirs", "fields": [{"name": "event_id", "type": "string"}]}
    registry.register_schema(f"{mark}-other", Schema(json.dumps(other), "AVRO"))
    references = [SchemaReference("theirs.Other", f"{mark}-other", 1), SchemaReference("theirs.AdEvent", f"{mark}-event", 1)]
    union = Schema(json.dumps(["theirs.Other", "theirs.AdEvent"]), "AVRO", references)
    serializer = AvroSerializer(registry, union, conf={"subject.name.strategy": subject_of("union"), "auto.register.schemas": True})
    for at in range(EACH):
        produce("union", at, serializer(("theirs.AdEvent", value("union", at)), context))


def protobuf():
    """The second message of its file, whose enum is another file's."""
    shared = descriptor_pb2.FileDescriptorProto(name=f"{mark}/shared.proto", package="shared", syntax="proto3")
    action = shared.enum_type.add(name="Action")
    for number, name in enumerate(["ACTION_UNSPECIFIED", "IMPRESSION", "CLICK", "CONVERSION"]):
        action.value.add(name=name, number=number)
    ads = descriptor_pb2.FileDescriptorProto(name=f"{mark}/ads.proto", package="millrace.engagement.v1", syntax="proto3")
    ads.dependency.extend([f"{mark}/shared.proto", "google/protobuf/timestamp.proto"])
    ads.message_type.add(name="Other").field.add(name="x", number=1, type=9, label=1)
    event = ads.message_type.add(name="AdEvent")
    for number, name in enumerate(IDS, 1):
        event.field.add(name=name, number=number, type=9, label=1)
    event.field.add(name="action", number=7, type=14, label=1, type_name=".shared.Action")
    event.field.add(name="cost_micros", number=8, type=3, label=1)
    event.field.add(name="event_timestamp", number=10, type=11, label=1, type_name=".google.protobuf.Timestamp")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(shared)
    pool.Add(ads)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("millrace.engagement.v1.AdEvent"))
    conf = {"use.deprecated.format": False, "subject.name.strategy": subject_of("protobuf")}
    serializer = ProtobufSerializer(message, registry, conf)
    context = SerializationContext(TOPIC, MessageField.VALUE)
    for at in range(EACH):
        value = message(**ids("protobuf", at), action=2, cost_micros=17)
        value.event_timestamp.FromDatetime(datetime(2026, 1, 31, tzinfo=timezone.utc))
        produce("protobuf", at, serializer(value, context))


def json_schema():
    """A `$ref` to another subject; a whole number as JavaScript might write it."""
    cost = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "cost.json", "type": "integer"}
    registry.register_schema(f"{mark}-cost", Schema(json.dumps(cost), "JSON"))
    event = {
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "AdEvent", "type": "object",
        "properties": {**{name: {"type": "string"} for name in IDS}, "cost_micros": {"$ref": "cost.json"}},
    }
    schema = Schema(json.dumps(event), "JSON", [SchemaReference("cost.json", f"{mark}-cost", 1)])
    serializer = JSONSerializer(schema, registry, conf={"subject.name.strategy": subject_of("json")})
    context = SerializationContext(TOPIC, MessageField.VALUE)
    for at in range(EACH):
        produce("json", at, serializer({**ids("json", at), "action": "CLICK", "cost_micros": 17.0}, context))


avro()
protobuf()
json_schema()
assert producer.flush(60) == 0
print(4 * EACH)
