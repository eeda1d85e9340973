"""The violations that protovalidate finds, written as a server writes them."""

from google.protobuf.message import Message

from sealwire._core.failure import CallFailure
from sealwire._core.validation import check_rules


def violations_of(args: Message) -> list[tuple[str, str]]:
    """The fields at fault with the rules they break."""
    try:
        check_rules(args)
    except CallFailure as failure:
        found = failure.error.violations if failure.error is not None else ()
        return sorted((each.field, each.rule_id) for each in found)
    return []
