"""Makes one call of a stub out of its path, its request and its options."""

import time
from collections.abc import Callable
from typing import Any

from sealwire._core.contract import ToolMethod
from sealwire._core.failure import CallFailure
from sealwire._core.intent import read_intent
from sealwire._core.native import NativeCall
from sealwire._core.validation import check_rules
from sealwire._sync.connection import Connection, closed
from sealwire.status import call_error

Serialize = Callable[[Any], bytes] | None
Deserialize = Callable[[bytes], Any] | None


class StubMethod:
    """A method of a stub."""

    def __init__(self, connection: Connection, path: str, serialize: Serialize, deserialize: Deserialize) -> None:
        self.connection = connection
        self.deserialize = deserialize
        self._path = path
        self._serialize = serialize

    def prepare(self, request: Any, timeout: float | None, metadata: Any) -> NativeCall:
        """Finds the tool, and encodes the request. Raises CallError."""
        try:
            intent = read_intent(metadata)
            begun_at = time.monotonic() if timeout is not None else 0.0
            method = self._find(timeout)
            if timeout is not None:
                timeout = max(0.0, timeout - (time.monotonic() - begun_at))
            digest = self.connection.session.contracts.digest_to_send(method.tool)
            if self.connection.session.settings.validate:
                check_rules(request)
        except CallFailure as failure:
            raise call_error(failure) from failure.__cause__
        args = self._serialize(request) if self._serialize is not None else request
        return NativeCall(method, intent, args, timeout, digest)

    def _find(self, timeout: float | None) -> ToolMethod:
        connection, path = self.connection, self._path
        if connection.is_closed:
            raise closed()
        contracts = connection.session.contracts
        method = contracts.find(path)
        if method is None or contracts.is_stale or not contracts.accepts(path):
            connection.know_contract(lambda: contracts.accepts(path), timeout)
            method = contracts.find(path)
        if method is None:
            assert contracts.known is not None
            raise contracts.known.not_offered(path)
        return method

    def decode(self, output: bytes) -> Any:
        return self.deserialize(output) if self.deserialize is not None else output
