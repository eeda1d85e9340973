"""The definitions of tools that a client accepts (docs/protocol.md, Tool definitions)."""

import re
from collections.abc import Iterable, Mapping

from sealwire._core.declarations import Declarations
from sealwire._core.failure import CallFailure, invalid_response
from sealwire.definitions import definition_in
from sealwire.system.v1.list_tools_pb2 import ToolDescription

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SYSTEM = "sealwire.system.v1."
_MAX_NAME_LENGTH = 100

Pins = Mapping[str, str]
"""Accepted definition digests by the names of tools."""


def is_digest(text: object) -> bool:
    """True for 64 lower-case hex digits."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


class ListedDefinitions:
    """The definitions of the tools in one list, which are computed when they are asked for."""

    def __init__(self, tools: Iterable[ToolDescription], descriptor_set: bytes) -> None:
        self._tools = {each.name: each for each in tools}
        self._descriptor_set = descriptor_set
        self._declarations: Declarations | None = None
        self._digests: dict[str, str] = {}

    def accepts(self, tool: str, pinned: str | None) -> bool:
        """True if a call may be made by this list, so that no newer one is needed."""
        try:
            self.to_send(tool, pinned)
        except CallFailure:
            return False
        return True

    def to_send(self, tool: str, pinned: str | None) -> str:
        """The digest to send with a call; empty if none is pinned, or the server is of 0.1 and does not know the field.

        Raises CallFailure TOOL_CHANGED if the definition is not the pinned one, TOOL_FORBIDDEN if the tool is not
        listed, RESPONSE_INVALID if the server states the digest of another definition.
        """
        if pinned is None:
            return ""
        listed = self._tools.get(tool)
        if listed is None:
            raise _not_begun("TOOL_FORBIDDEN", f'The server lists no tool "{tool[:_MAX_NAME_LENGTH]}".')
        if listed.method.startswith(_SYSTEM):
            return ""
        digest = self._digest(listed)
        if digest != pinned:
            raise _not_begun(
                "TOOL_CHANGED",
                f"The definition of {tool} is {digest}, not the accepted {pinned}; the call was not sent. Look at what"
                " changed before you accept it.",
            )
        if listed.definition_digest not in ("", digest):
            raise _not_begun(
                "RESPONSE_INVALID",
                f"The server states the definition digest {listed.definition_digest} of {tool}, but its contract gives"
                f" {digest}.",
            )
        return listed.definition_digest

    def _digest(self, listed: ToolDescription) -> str:
        found = self._digests.get(listed.name)
        if found is None:
            try:
                self._declarations = self._declarations or Declarations(self._descriptor_set)
                found = definition_in(self._declarations, listed).digest
            except ValueError as error:
                failure = invalid_response(f"The definition of {listed.name} cannot be read from the list: {error}.")
                failure.has_not_begun = True
                raise failure from error
            self._digests[listed.name] = found
        return found


def explain_refused_envelope(failure: CallFailure, definition_digest: str) -> CallFailure:
    """Says of a refused envelope that the definition digest may be the cause: servers of 0.1 do not know it."""
    if failure.reason != "ENVELOPE_INVALID" or not definition_digest or failure.error is None:
        return failure
    error = type(failure.error)()
    error.CopyFrom(failure.error)
    error.message += (
        " The call names a definition_digest, which servers of 0.1 refuse; upgrade all servers of this address."
    )
    explained = CallFailure.of_error(error)
    explained.has_not_begun = failure.has_not_begun
    return explained


def _not_begun(reason: str, message: str) -> CallFailure:
    failure = CallFailure(reason, message)
    failure.has_not_begun = True
    return failure
