"""JSON Schema of request messages, for the function calling of models.

A schema is an object with `properties` and `additionalProperties: false`, without `$ref`, `$schema` and lists of types,
which some models do not take. Properties have the names of the contract. The rules of buf.validate become keywords
where JSON Schema has one; the server checks all of them in any case.
"""

import base64
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from sealwire._core.field_rules import FieldRules

Schema = dict[str, Any]

_INT32 = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
}
_INT64 = {
    FieldDescriptor.TYPE_INT64: "^-?[0-9]{1,19}$",
    FieldDescriptor.TYPE_SINT64: "^-?[0-9]{1,19}$",
    FieldDescriptor.TYPE_SFIXED64: "^-?[0-9]{1,19}$",
    FieldDescriptor.TYPE_UINT64: "^[0-9]{1,20}$",
    FieldDescriptor.TYPE_FIXED64: "^[0-9]{1,20}$",
}
_FLOATS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
_DURATION = r"^-?[0-9]+(\.[0-9]{1,9})?s$"
_OBJECT: Schema = {"type": "object"}
_WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": _DURATION, "description": 'Seconds, such as "1.5s".'},
    "google.protobuf.FieldMask": {"type": "string", "description": "Names of fields, separated by commas."},
    "google.protobuf.Struct": _OBJECT,
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object", "properties": {}, "additionalProperties": False},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "description": "A message of any type, which @type names by its URL.",
    },
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.StringValue": {"type": "string"},
    "google.protobuf.BytesValue": {"type": "string", "contentEncoding": "base64"},
    "google.protobuf.DoubleValue": {"type": "number"},
    "google.protobuf.FloatValue": {"type": "number"},
    "google.protobuf.Int32Value": {"type": "integer"},
    "google.protobuf.UInt32Value": {"type": "integer", "minimum": 0},
    "google.protobuf.Int64Value": {"type": "string", "pattern": "^-?[0-9]{1,19}$"},
    "google.protobuf.UInt64Value": {"type": "string", "pattern": "^[0-9]{1,20}$"},
}
# A message inside itself is written out so often; deeper ones are any object.
_MOST_RECURSION = 2


def schema_of(message: Descriptor, comments: Mapping[str, str] | None = None) -> Schema:
    """Returns the JSON Schema of a message as protobuf's JSON form writes it.

    `comments`: the comment of each field by its full name, which becomes its description.
    """
    return _Maker(comments or {}).message(message, ())


class _Maker:
    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments

    def message(self, kind: Descriptor, around: tuple[str, ...]) -> Schema:
        known = _WELL_KNOWN.get(kind.full_name)
        if known is not None:
            return dict(known)
        if around.count(kind.full_name) >= _MOST_RECURSION:
            return dict(_OBJECT)
        around = (*around, kind.full_name)
        rules = {field.name: FieldRules.of(field) for field in kind.fields}
        made: Schema = {
            "type": "object",
            "properties": {field.name: self._field(field, rules[field.name], around) for field in kind.fields},
            "additionalProperties": False,
        }
        required = [name for name, each in rules.items() if each.is_required]
        if required:
            made["required"] = required
        choices = [_choice([field.name for field in oneof.fields]) for oneof in kind.oneofs if len(oneof.fields) > 1]
        if choices:
            made["description"] = " ".join(choices)
        return made

    def _field(self, field: FieldDescriptor, rules: FieldRules, around: tuple[str, ...]) -> Schema:
        entry = field.message_type if field.message_type and field.message_type.GetOptions().map_entry else None
        if entry is not None:
            value = entry.fields_by_name["value"]
            made: Schema = {"type": "object", "additionalProperties": self._value(value, rules.values(), around)}
            _set(made, minProperties=rules.get("map", "min_pairs"), maxProperties=rules.get("map", "max_pairs"))
        elif field.is_repeated:
            made = {"type": "array", "items": self._value(field, rules.items(), around)}
            _set(made, minItems=rules.get("repeated", "min_items"), maxItems=rules.get("repeated", "max_items"))
            if rules.get("repeated", "unique"):
                made["uniqueItems"] = True
        else:
            made = self._value(field, rules, around)
        texts = (self._comments.get(field.full_name, ""), made.get("description", ""), *rules.explanations)
        description = " ".join(text for text in texts if text)
        if description:
            made["description"] = description
        return made

    def _value(self, field: FieldDescriptor, rules: FieldRules, around: tuple[str, ...]) -> Schema:
        """The schema of one value of a field."""
        if field.message_type is not None:
            return self.message(field.message_type, around)
        if field.enum_type is not None:
            return _enum(field.enum_type, rules)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return {"type": "boolean"}
        if field.type == FieldDescriptor.TYPE_STRING:
            return _string(rules)
        if field.type == FieldDescriptor.TYPE_BYTES:
            # The rules count bytes, and not the characters of base64.
            return {"type": "string", "contentEncoding": "base64"}
        if field.type in _FLOATS:
            return _bounded({"type": "number"}, rules, None)
        if field.type in _INT64:
            return _int64(_INT64[field.type], rules)
        return _bounded({"type": "integer"}, rules, _INT32[field.type])


def _choice(names: list[str]) -> str:
    return f"Set at most one of: {', '.join(names)}."


def _set(made: Schema, **keywords: Any) -> None:
    made.update({name: value for name, value in keywords.items() if value is not None})


def _string(rules: FieldRules) -> Schema:
    made: Schema = {"type": "string"}
    length = rules.get("string", "len")
    _set(
        made,
        minLength=rules.get("string", "min_len") if length is None else length,
        maxLength=rules.get("string", "max_len") if length is None else length,
        pattern=rules.get("string", "pattern"),
        format=next((name for name in ("email", "uuid", "uri", "hostname") if rules.get("string", name)), None),
        enum=_allowed(rules),
    )
    return made


def _enum(kind: EnumDescriptor, rules: FieldRules) -> Schema:
    allowed, forbidden = rules.listed("in"), rules.listed("not_in")
    numbers = [value.number for value in kind.values if not allowed or value.number in allowed]
    names = [kind.values_by_number[number].name for number in dict.fromkeys(numbers) if number not in forbidden]
    return {"type": "string", "enum": names}


def _bounded(made: Schema, rules: FieldRules, bounds: tuple[int, int] | None) -> Schema:
    """A number with its bounds. Those of an integer are inclusive."""
    least, above = rules.number("gte"), rules.number("gt")
    most, below = rules.number("lte"), rules.number("lt")
    if bounds is not None:
        least = max(bounds[0], least if least is not None else bounds[0], above + 1 if above is not None else bounds[0])
        most = min(bounds[1], most if most is not None else bounds[1], below - 1 if below is not None else bounds[1])
        above = below = None
    _set(made, minimum=least, maximum=most, exclusiveMinimum=above, exclusiveMaximum=below, enum=_allowed(rules))
    return made


def _int64(pattern: str, rules: FieldRules) -> Schema:
    """Text, since a JSON number of this size loses digits in many programs."""
    names = {"gte": "at least", "gt": "more than", "lte": "at most", "lt": "less than"}
    bounds = [f"{text} {bound}" for name, text in names.items() if (bound := rules.number(name)) is not None]
    made: Schema = {"type": "string", "pattern": pattern}
    if bounds:
        made["description"] = f"A whole number, {' and '.join(bounds)}."
    return made


def _allowed(rules: FieldRules) -> list[Any] | None:
    """The values that a rule lists."""
    constant = rules.constant
    allowed = [constant] if constant is not None else rules.listed("in")
    return [base64.b64encode(each).decode() if isinstance(each, bytes) else each for each in allowed] or None
