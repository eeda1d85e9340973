"""Checks requests by their rules before they are sent, with protovalidate, which is an extra of this package."""

from typing import Any

from google.protobuf.message import Message
from google.rpc import code_pb2

from sealwire._core.failure import CallFailure
from sealwire.v1.error_pb2 import Error, ErrorReason, FieldViolation

_MAX_VIOLATIONS = 16


def require_protovalidate() -> None:
    """Raises ImportError if protovalidate is not installed."""
    try:
        import protovalidate  # noqa: F401
    except ImportError as error:
        raise ImportError("validate=True needs protovalidate: pip install 'sealwire[validate]'") from error


def check_rules(request: Message) -> None:
    """Raises CallFailure ARGS_INVALID with the violations that a server would find."""
    import protovalidate

    found = protovalidate.collect_violations(request)
    if not found:
        return
    violations = [
        FieldViolation(field=_path(each.proto), rule_id=each.proto.rule_id, message=each.proto.message)
        for each in found
    ]
    first = violations[0]
    message = f"{first.field}: {first.message or first.rule_id}"
    error = Error(
        code=code_pb2.INVALID_ARGUMENT,
        reason=ErrorReason.ERROR_REASON_ARGS_INVALID,
        message=f"The arguments break a rule of {request.DESCRIPTOR.full_name}, and were not sent: {message}",
        violations=violations[:_MAX_VIOLATIONS],
        violations_omitted=max(0, len(violations) - _MAX_VIOLATIONS),
    )
    failure = CallFailure.of_error(error)
    failure.has_not_begun = True
    raise failure


def _path(violation: Any) -> str:
    """Writes a field path as the server does, for example numbers[3]."""
    if violation.field is None:
        return ""
    parts = []
    for element in violation.field.elements:
        subscript = "" if element.subscript is None else f"[{_subscript(element.subscript.value)}]"
        parts.append(element.field_name + subscript)
    return ".".join(parts)


def _subscript(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
