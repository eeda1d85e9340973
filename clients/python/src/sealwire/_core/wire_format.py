"""Reads serialized messages field by field, with their bytes as they are."""

from collections.abc import Iterator
from dataclasses import dataclass

_MAX_VARINT_BYTES = 10


@dataclass(frozen=True, slots=True)
class WireField:
    """One field of a message."""

    number: int
    raw: bytes
    """All its bytes, the tag included."""
    content: bytes | None
    """None unless the field is length-delimited."""
    varint: int | None
    """None unless the field is a varint."""


def fields_of(data: bytes) -> Iterator[WireField]:
    """Yields the fields of a serialized message. Raises ValueError if the bytes are none."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _read_varint(data, at)
        content = varint = None
        match tag & 7:
            case 0:
                varint, at = _read_varint(data, at)
            case 1:
                at += 8
            case 2:
                length, at = _read_varint(data, at)
                content = data[at : at + length]
                at += length
            case 5:
                at += 4
            case wire_type:
                raise ValueError(f"a field has the wire type {wire_type}")
        if at > len(data):
            raise ValueError("a field is cut off")
        yield WireField(tag >> 3, data[start:at], content, varint)


def message_in(data: bytes, number: int) -> bytes:
    """The message in a singular field: protobuf merges the occurrences of the field. Empty if it is not set."""
    return b"".join(each.content for each in fields_of(data) if each.number == number and each.content is not None)


def last_content(data: bytes, number: int) -> bytes:
    """The bytes of a singular text field. Empty if it is not set."""
    found = b""
    for each in fields_of(data):
        if each.number == number and each.content is not None:
            found = each.content
    return found


def last_varint(data: bytes, number: int) -> int:
    """The value of a singular varint field. 0 if it is not set."""
    found = 0
    for each in fields_of(data):
        if each.number == number and each.varint is not None:
            found = each.varint
    return found


def varints_of(field: WireField) -> list[int]:
    """The values of one occurrence of a repeated varint field, packed or not."""
    if field.varint is not None:
        return [field.varint]
    values = []
    data, at = field.content or b"", 0
    while at < len(data):
        value, at = _read_varint(data, at)
        values.append(value)
    return values


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        if at >= len(data):
            raise ValueError("a varint is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at
    raise ValueError("a varint has more than 10 bytes")
