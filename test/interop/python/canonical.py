"""Writes messages in canonical form (docs/protocol.md): Python's own encoder orders some maps otherwise."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

LENGTH_DELIMITED = 2


def canonical(message: Message) -> bytes:
    return b"".join(piece for field, value in message.ListFields() for piece in pieces(message, field, value))


def pieces(message: Message, field: FieldDescriptor, value: Any) -> Iterator[bytes]:
    if is_map(field):
        for key in sorted(value, key=lambda each: each.encode() if isinstance(each, str) else each):
            yield delimited(field, entry(field, key, value[key]))
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        for each in value if field.is_repeated else [value]:
            yield delimited(field, canonical(each))
    else:
        alone = type(message)()
        if field.is_repeated:
            getattr(alone, field.name).extend(value)
        else:
            setattr(alone, field.name, value)
        yield alone.SerializePartialToString()


def entry(field: FieldDescriptor, key: Any, value: Any) -> bytes:
    """One entry of a map, with key and value both written."""
    parts = field.message_type.fields_by_name
    kind = GetMessageClass(field.containing_type)
    alone = kind()
    if parts["value"].type != FieldDescriptor.TYPE_MESSAGE:
        getattr(alone, field.name)[key] = value
        return content(alone.SerializePartialToString())
    getattr(alone, field.name)[key].SetInParent()
    empty_value = delimited(parts["value"], b"")
    return content(alone.SerializePartialToString()).removesuffix(empty_value) + delimited(
        parts["value"], canonical(value)
    )


def content(delimited_field: bytes) -> bytes:
    """Takes tag and length off."""
    at = 0
    for _ in range(2):
        while delimited_field[at] & 0x80:
            at += 1
        at += 1
    return delimited_field[at:]


def delimited(field: FieldDescriptor, data: bytes) -> bytes:
    return varint(field.number << 3 | LENGTH_DELIMITED) + varint(len(data)) + data


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def is_map(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.GetOptions().map_entry
