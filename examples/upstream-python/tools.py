"""The tools: an ordinary servicer, which knows nothing of Sealwire but the idempotency key in the metadata."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import grpc
from archive.v1.archive_tool_service_pb2 import (
    AddNoteRequest,
    AddNoteResponse,
    CountWordsRequest,
    CountWordsResponse,
    HashPagesRequest,
    HashPagesResponse,
)
from archive.v1.archive_tool_service_pb2_grpc import ArchiveToolServiceServicer
from google.protobuf.duration_pb2 import Duration
from sealwire.v1.job_pb2 import JobProgress

from metadata import Call
from notes import Notes

LONGEST_PAUSE_S = 60


class Archive(ArchiveToolServiceServicer):
    """Keeps notes and reads texts.

    Sealwire has checked the rules of the contract before it calls. They are checked here again for other callers.
    """

    def __init__(self, notes: Notes, pause_after_effect_s: float) -> None:
        self.notes = notes
        self.pause_after_effect_s = pause_after_effect_s

    async def AddNote(self, request: AddNoteRequest, context: grpc.aio.ServicerContext) -> AddNoteResponse:
        await require(context, 1 <= len(request.text) <= 1000, "text: must have 1 to 1,000 characters")
        number = self.notes.add(request.text, Call.read("AddNote", context).key)
        await asyncio.sleep(self.pause_after_effect_s)
        return AddNoteResponse(number=number)

    async def CountWords(self, request: CountWordsRequest, context: grpc.aio.ServicerContext) -> CountWordsResponse:
        await require(context, len(request.text) <= 10_000, "text: must have 10,000 characters at most")
        await asyncio.sleep(await pause_s(context, request.pause))
        return CountWordsResponse(words=len(request.text.split()))

    async def HashPages(
        self, request: HashPagesRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[HashPagesResponse]:
        await require(context, 1 <= request.pages <= 10_000, "pages: must be 1 to 10,000")
        wait_s = await pause_s(context, request.pause)
        digest = hashlib.sha256()
        for page in range(1, request.pages + 1):
            await asyncio.sleep(wait_s)
            digest.update(f"page {page}\n".encode())
            progress = JobProgress(completed=page, total=request.pages, message=f"page {page}")
            yield HashPagesResponse(progress=progress)
        yield HashPagesResponse(sha256=digest.hexdigest())


async def pause_s(context: grpc.aio.ServicerContext, pause: Duration) -> float:
    seconds = pause.seconds + pause.nanos / 1e9
    await require(context, 0 <= seconds <= LONGEST_PAUSE_S, f"pause: must be 0 to {LONGEST_PAUSE_S} seconds")
    return seconds


async def require(context: grpc.aio.ServicerContext, holds: bool, rule: str) -> None:
    if not holds:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, rule)
