"""The peer of `decode: Protobuf to Arrow`. Usage: decode_protobuf.py FOLDER; prints CPU seconds."""

from interactions import run
from protobuf_columns import columns_of

run(columns_of)
