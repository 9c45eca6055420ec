"""Protobuf messages: what goes over the wire, and what the store keeps.

Generated from the `.proto` files beside this one by `script/gen_proto`.
"""

from google.protobuf.message import DecodeError as ProtobufError

from . import (
    appstate_pb2 as appstate,
    history_pb2 as history,
    storage_pb2 as storage,
    wire_pb2 as wire,
)

__all__ = ["ProtobufError", "appstate", "history", "storage", "wire"]
