"""The rules of buf.validate for one field, read from the descriptors themselves, without generated code of the
rules."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_EXTENSION = "buf.validate.field"
# Values of buf.validate.Ignore with which a rule does not apply to the default value, or never.
_IGNORE_DEFAULT = {"IGNORE_IF_ZERO_VALUE", "IGNORE_ALWAYS", "IGNORE_IF_UNPOPULATED", "IGNORE_IF_DEFAULT_VALUE"}


class FieldRules:
    """The rules of a field, or of the items of a list."""

    def __init__(self, rules: Any, has_presence: bool = False) -> None:
        self._rules = rules
        self._has_presence = has_presence
        self._kind: str | None = rules.WhichOneof("type") if rules is not None else None

    @classmethod
    def of(cls, field: FieldDescriptor) -> "FieldRules":
        """Reads the rules of a field from its options. None apply if the contract does not import buf.validate."""
        options = field.GetOptions().SerializeToString()
        pool = field.containing_type.file.pool if field.containing_type is not None else DescriptorPool()
        try:
            extension = pool.FindExtensionByName(_EXTENSION)
            kind = GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FieldOptions"))
        except KeyError:
            return cls(None)
        found: Any = kind.FromString(options)
        rules = found.Extensions[extension] if found.HasExtension(extension) else None
        return cls(rules, field.has_presence)

    def get(self, kind: str, name: str) -> Any:
        """One rule of a type; None if it is not given."""
        if self._kind != kind:
            return None
        rules = getattr(self._rules, kind)
        return getattr(rules, name) if _is_given(rules, name) else None

    def number(self, name: str) -> Any:
        """A bound of a number, whatever its type."""
        rules = self._of_type()
        return getattr(rules, name) if rules is not None and _is_given(rules, name) else None

    def listed(self, name: str) -> list[Any]:
        """The values of `in` or `not_in`, whatever their type."""
        rules = self._of_type()
        return list(getattr(rules, name)) if rules is not None and name in rules.DESCRIPTOR.fields_by_name else []

    @property
    def constant(self) -> Any:
        return self.number("const")

    def items(self) -> "FieldRules":
        """The rules of each item of a list."""
        return self._inner("repeated", "items")

    def values(self) -> "FieldRules":
        """The rules of each value of a map."""
        return self._inner("map", "values")

    def _inner(self, kind: str, name: str) -> "FieldRules":
        return FieldRules(self.get(kind, name))

    @property
    def explanations(self) -> list[str]:
        """What rules of CEL say, which no keyword expresses."""
        return [rule.message for rule in self._rules.cel if rule.message] if self._rules is not None else []

    @property
    def is_required(self) -> bool:
        """True if the field must be given: the rule says so, or its default value breaks a rule."""
        rules = self._rules
        if rules is None:
            return False
        ignore = rules.DESCRIPTOR.fields_by_name["ignore"].enum_type.values_by_number[rules.ignore].name
        if rules.required:
            return True
        if self._has_presence or ignore in _IGNORE_DEFAULT:
            return False
        return self._refuses_default()

    def _refuses_default(self) -> bool:
        least = max(self.get("string", "min_len") or 0, self.get("string", "len") or 0)
        least = max(least, self.get("repeated", "min_items") or 0, self.get("map", "min_pairs") or 0)
        if least > 0:
            return True
        values: tuple[Any, ...] = (self.number("gte"), self.number("gt"), self.number("lte"), self.number("lt"))
        if any(value is not None and not isinstance(value, int | float) for value in values):
            return False
        gte, gt, lte, lt = values
        return (
            (gte is not None and gte > 0)
            or (gt is not None and gt >= 0)
            or (lte is not None and lte < 0)
            or (lt is not None and lt <= 0)
            or (self._kind == "enum" and 0 in self.listed("not_in"))
        )

    def _of_type(self) -> Any:
        return getattr(self._rules, self._kind) if self._kind is not None else None


def _is_given(rules: Any, name: str) -> bool:
    field = rules.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        return False
    return len(getattr(rules, name)) > 0 if field.is_repeated else rules.HasField(name)
