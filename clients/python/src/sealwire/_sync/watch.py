"""A watch as an iterator."""

from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from sealwire._core.failure import CallFailure
from sealwire._sync.connection import Connection
from sealwire._sync.driver import Driver
from sealwire.status import Abandoned, call_error

T = TypeVar("T")


class Watch(Iterator[T], Generic[T]):
    """An iterator of states. It goes on in the thread that asks for the next one, and raises `CallError`.

    `cancel` it, use it with `with`, or drop it: nothing of it is left then. Another thread may cancel it, too.
    """

    def __init__(self, connection: Connection, steps: Generator[Any, Any, None], read: Callable[[Any], T]) -> None:
        self._read = read
        self._driver = Driver(connection, can_cancel=True)
        self._steps = steps
        self._items: Iterator[Any] | None = None
        self._is_cancelled = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._is_cancelled:
            raise StopIteration
        try:
            if self._items is None:
                self._items = self._driver.iterate(self._steps)
            return self._read(next(self._items))
        except Abandoned as failure:
            if self._is_cancelled:
                raise StopIteration from None
            raise call_error(failure) from failure.__cause__
        except CallFailure as failure:
            raise call_error(failure) from failure.__cause__

    def cancel(self) -> None:
        """Ends the watch. The jobs go on."""
        self._is_cancelled = True
        self._driver.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cancel()

    def __del__(self) -> None:
        self.cancel()
