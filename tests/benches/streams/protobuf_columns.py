"""Protobuf's own classes, made of the descriptors at run time, and the columns of their messages."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation

from interactions import FOLDER

assert api_implementation.Type() == "upb"


def message_class():
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString((FOLDER / "descriptors").read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("millrace.interactions.v1.UserInteraction"))


UserInteraction = message_class()
FIELDS = UserInteraction.DESCRIPTOR.fields_by_name
EVENT_TYPES = {number: value.name for number, value in FIELDS["event_type"].enum_type.values_by_number.items()}
STATUSES = {number: value.name for number, value in FIELDS["status"].enum_type.values_by_number.items()}


def columns_of(values):
    decode = UserInteraction.FromString
    events = [decode(value) for value in values]
    instants = [event.event_timestamp for event in events]
    return [
        [event.event_id for event in events],
        [event.user_id for event in events],
        [event.session_id for event in events],
        [EVENT_TYPES[event.event_type] for event in events],
        [instant.seconds * 1_000_000 + instant.nanos // 1_000 for instant in instants],
        [event.request_latency_ms for event in events],
        [STATUSES[event.status] for event in events],
        [event.error_code if event.HasField("error_code") else None for event in events],
        [event.product_id if event.HasField("product_id") else None for event in events],
    ]
