"""Hands messages from the task of a call to its reader, one at a time."""

import asyncio
from collections import deque
from typing import Any

import grpc.aio


class Handoff:
    """One place for one message: the writer waits until the reader has taken the one before."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._has_ended = False
        self._changed = asyncio.Event()

    async def put(self, item: Any) -> None:
        await self._until(lambda: not self._items)
        self._items.append(item)
        self._changed.set()

    async def get(self) -> Any:
        """The next message; `grpc.aio.EOF` after the end."""
        await self._until(lambda: bool(self._items) or self._has_ended)
        item = self._items.popleft() if self._items else grpc.aio.EOF
        self._changed.set()
        return item

    def end(self) -> None:
        self._has_ended = True
        self._changed.set()

    async def _until(self, is_so: Any) -> None:
        while not is_so():
            self._changed.clear()
            await self._changed.wait()
