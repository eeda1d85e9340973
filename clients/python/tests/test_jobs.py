"""Jobs of stubs and handles, on both sides."""

import asyncio
import dataclasses
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from peer import Jobs, Peer, Received, refuse, response, sealed
from sides import caller, code_of, job_request

import sealwire
from sealwire._core.watched import WatchedJobs
from sealwire.demo.v1 import DemoToolServiceStub, StartLongTaskResponse
from sealwire.system.v1 import (
    CancelJobRequest,
    SystemToolServiceStub,
    WatchJobRequest,
    WatchJobResponse,
    WatchJobsRequest,
    WatchJobsResponse,
)
from sealwire.v1 import Error, ErrorReason, Job, JobState, Response, Status

Code = grpc.StatusCode
SIDES = pytest.mark.parametrize("side", ["sync", "aio"])
ABANDON = (("sealwire-cancel-on-abandon", "true"),)


def end_soon(jobs: Jobs, seconds: float = 0.2) -> None:
    timer = threading.Timer(seconds, jobs.end)
    timer.daemon = True
    timer.start()


@SIDES
def test_a_job_method_ends_with_the_output_of_its_job(side: str, peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    jobs.breaks = 1
    end_soon(jobs)
    with caller(side, peer.credentials(tmp_path)) as calls:
        assert calls.run_job("süß 🦭") == "süß 🦭"
    assert len(peer.of("watch_job")) == 2
    assert len(peer.of("start_long_task")) == 1


@SIDES
def test_a_deadline_ends_the_waiting_and_not_the_job(side: str, peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(sealwire.CallError) as raised:
        calls.run_job("hello", timeout=0.4)
    assert code_of(raised) is Code.DEADLINE_EXCEEDED
    assert raised.value.job_id == "j-1"
    assert jobs.job.state == JobState.JOB_STATE_RUNNING


@SIDES
@pytest.mark.parametrize("timeout", [1e10, float("inf")])
def test_a_time_that_never_comes_is_no_deadline(
    side: str, timeout: float, peer: Peer, jobs: Jobs, tmp_path: Path
) -> None:
    end_soon(jobs)
    with caller(side, peer.credentials(tmp_path)) as calls:
        assert calls.batch_sum([1, 2], timeout=timeout).total == 3
        assert calls.run_job("hello", timeout=timeout) == "hello"


@SIDES
def test_a_deadline_cancels_the_job_if_that_is_asked_for(side: str, peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(sealwire.CallError) as raised:
        calls.run_job("hello", timeout=0.4, metadata=ABANDON)
    assert code_of(raised) is Code.DEADLINE_EXCEEDED
    assert jobs.job.state == JobState.JOB_STATE_CANCELLED


@SIDES
def test_a_job_is_cancelled_if_its_start_was_not_answered_in_time(
    side: str, peer: Peer, jobs: Jobs, tmp_path: Path
) -> None:
    def slow(received: Received) -> bytes:
        if len(peer.of("start_long_task")) == 1:
            time.sleep(0.6)
        return jobs.start(received)

    peer.answers["start_long_task"] = slow
    with caller(side, peer.credentials(tmp_path)) as calls:
        calls.explicit(lambda client: client.list_tools())
        with pytest.raises(sealwire.CallError) as raised:
            calls.run_job("hello", timeout=0.3, metadata=ABANDON)
    assert code_of(raised) is Code.DEADLINE_EXCEEDED
    assert [CancelJobRequest.FromString(each.envelope.args.value).job_id for each in peer.of("cancel_job")] == ["j-1"]


@SIDES
def test_an_output_that_does_not_decode_is_an_error_of_the_call(
    side: str, peer: Peer, jobs: Jobs, tmp_path: Path
) -> None:
    def broken(received: Received) -> bytes:
        made = response(received, result=StartLongTaskResponse())
        made.result.value = b"\xff"
        return sealed(received, made)

    def watch(received: Received) -> Iterator[bytes]:
        answer = WatchJobResponse(job=Job(job_id="j-1", state=JobState.JOB_STATE_SUCCEEDED, revision=3))
        answer.output.Pack(StartLongTaskResponse())
        answer.output.value = b"\xff"
        yield sealed(received, response(received, result=answer, status=Status.STATUS_DONE, sequence=1))

    peer.answers["start_long_task"], peer.watch = broken, watch
    with caller(side, peer.credentials(tmp_path)) as calls:
        for use in (
            lambda client: client.call("start_long_task", job_request("hello"), StartLongTaskResponse),
            lambda client: client.job("j-1").result(StartLongTaskResponse),
        ):
            with pytest.raises(sealwire.CallError) as raised:
                calls.explicit(use)
            assert raised.value.reason == "RESPONSE_INVALID"


def test_times_that_are_not_valid_are_ordered() -> None:
    watched = WatchedJobs("", 15_000)
    for nanos in (-7, 2_000_000_000, -1):
        message = WatchJobsResponse(resume_time=Timestamp(seconds=2**62, nanos=nanos))
        message.jobs.add(job_id="j-1", state=JobState.JOB_STATE_SUCCEEDED, revision=1)
        made = Response(status=Status.STATUS_OK)
        made.result.Pack(message)
        watched.read(made)
    request = WatchJobsRequest.FromString(watched.request(was_cut_off=False))
    assert request.ended_since.nanos == 2_000_000_000


@SIDES
def test_the_failure_of_a_job_is_that_of_the_call(side: str, peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    error = Error(code=14, reason=ErrorReason.ERROR_REASON_TOOL_FAILED, message="the disk is full")
    jobs.job.error.CopyFrom(error)
    jobs.end(JobState.JOB_STATE_FAILED)
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(sealwire.CallError, match="disk") as raised:
        calls.run_job("hello")
    assert code_of(raised) is Code.ABORTED
    assert sealwire.error_of(raised.value) == error


@SIDES
def test_a_watch_that_is_given_up_leaves_the_outcome_open(side: str, peer: Peer, tmp_path: Path) -> None:
    def revoked(received: Received) -> Iterator[bytes]:
        error = Error(code=16, reason=ErrorReason.ERROR_REASON_KEY_REVOKED, message="the key was revoked")
        refuse(received, error, kind="sealwire.v1.WatchJobResponse", sequence=1)
        yield b""

    peer.watch = revoked
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(sealwire.CallError, match="j-1") as raised:
        calls.run_job("hello")
    assert (code_of(raised), raised.value.reason) == (Code.UNKNOWN, "OUTCOME_UNKNOWN")
    assert raised.value.job_id == "j-1"


def test_a_future_tells_its_job_and_is_cancelled_with_it(peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    with sealwire.channel(peer.credentials(tmp_path)) as channel:
        future = DemoToolServiceStub(channel).StartLongTask.future(job_request("hello"), metadata=ABANDON)
        assert dict(future.initial_metadata())["sealwire-job-id"] == "j-1"
        future.cancel()
        assert future.code() is Code.CANCELLED
        with pytest.raises(grpc.FutureCancelledError):
            future.result()
    assert jobs.job.state == JobState.JOB_STATE_CANCELLED


def test_a_task_that_is_cancelled_cancels_its_job(peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    async def body() -> None:
        async with sealwire.aio.channel(peer.credentials(tmp_path)) as channel:
            call: Any = DemoToolServiceStub(channel).StartLongTask(job_request("hello"), metadata=ABANDON)
            assert dict(await call.initial_metadata())["sealwire-job-id"] == "j-1"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await call
            assert await call.code() is Code.CANCELLED

    asyncio.run(body())
    assert jobs.job.state == JobState.JOB_STATE_CANCELLED


def test_a_handle_watches_and_has_the_result(peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    end_soon(jobs)
    with sealwire.Client(sealwire.channel(peer.credentials(tmp_path))) as client:
        handle = client.start("start_long_task", job_request("hello"), request_id="r-1")
        assert (handle.job_id, handle.request_id) == ("j-1", "r-1")
        states = [job.state for job in handle.watch()]
        assert states == [JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_SUCCEEDED]
        assert client.job("j-1").result(StartLongTaskResponse).payload["greeting"] == "hello"
        assert client.job("j-1").state().revision == 3


def test_a_handle_of_asyncio_does_the_same(peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    async def body() -> None:
        async with sealwire.aio.Client(sealwire.aio.channel(peer.credentials(tmp_path))) as client:
            handle = await client.start("start_long_task", job_request("hello"))
            states = [job.state async for job in handle.watch()]
            assert states == [JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_SUCCEEDED]
            assert (await handle.result(StartLongTaskResponse)).payload["greeting"] == "hello"

    end_soon(jobs)
    asyncio.run(body())


def test_the_time_that_a_caller_takes_ends_no_watch(peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    with sealwire.Client(
        sealwire.channel(peer.credentials(tmp_path), retry=sealwire.Retry(initial_delay=0.01))
    ) as client:
        session = client._session
        session.settings = dataclasses.replace(session.settings, resume_for=0.3)
        jobs.breaks = 1
        states = []
        for job in client.job("j-1").watch():
            states.append(job.state)
            time.sleep(0.5)
            end_soon(jobs, 0)
    assert states == [JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_SUCCEEDED]


def test_a_watch_of_a_stub_is_resumed(peer: Peer, jobs: Jobs, tmp_path: Path) -> None:
    jobs.breaks = 1
    end_soon(jobs)
    with sealwire.channel(peer.credentials(tmp_path)) as channel:
        peer.answers["list_tools"] = with_system_tools(peer.answers["list_tools"])
        states = [each.job.state for each in SystemToolServiceStub(channel).WatchJob(WatchJobRequest(job_id="j-1"))]
    assert states[-1] == JobState.JOB_STATE_SUCCEEDED
    assert len(peer.of("watch_job")) == 2


def with_system_tools(list_tools: Any) -> Any:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from peer import ok

    from sealwire.signing import read_frame
    from sealwire.system.v1 import ListToolsResponse, system_tool_service_pb2
    from sealwire.v1 import Response

    def answer(received: Received) -> bytes:
        content, _, _ = read_frame(list_tools(received))
        tools = ListToolsResponse.FromString(Response.FromString(content).result.value)
        tools.tools.add(name="watch_job", method="sealwire.system.v1.SystemToolService.WatchJob", idempotent=True)
        files = FileDescriptorSet.FromString(tools.descriptor_set)
        system_tool_service_pb2.DESCRIPTOR.CopyToProto(files.file.add())
        tools.descriptor_set = files.SerializeToString()
        return ok(received, tools)

    return answer


def own_threads() -> int:
    """How many threads there are beside those of the peer."""
    return sum(not thread.name.startswith("ThreadPoolExecutor") for thread in threading.enumerate())


def test_watches_that_are_left_leave_no_thread(peer: Peer, tmp_path: Path) -> None:
    with sealwire.Client(sealwire.channel(peer.credentials(tmp_path))) as client:
        handle = client.job("j-1")
        with handle.watch() as states:
            next(states)
        before = own_threads()
        for _ in range(20):
            next(handle.watch())
        gc.collect()
        time.sleep(0.6)
        assert own_threads() <= before


def test_a_stream_that_is_dropped_ends_at_once(peer: Peer, tmp_path: Path) -> None:
    peer.answers["list_tools"] = with_system_tools(peer.answers["list_tools"])
    with sealwire.channel(peer.credentials(tmp_path)) as channel:
        gc.disable()
        try:
            next(SystemToolServiceStub(channel).WatchJob(WatchJobRequest(job_id="j-1")))
            context = peer.of("watch_job")[0].context
            until = time.monotonic() + 2
            while context.is_active() and time.monotonic() < until:
                time.sleep(0.01)
            assert not context.is_active()
        finally:
            gc.enable()


def test_a_stream_that_is_cancelled_before_it_begins_is_over(peer: Peer, tmp_path: Path) -> None:
    async def body() -> None:
        async with sealwire.aio.channel(peer.credentials(tmp_path)) as channel:
            stub: Any = DemoToolServiceStub(channel)
            unary = stub.StartLongTask(job_request("hello"))
            assert unary.cancel()
            stream = SystemToolServiceStub(channel).WatchJob(WatchJobRequest(job_id="j-1"))
            assert stream.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(stream.read(), 2)
            assert await asyncio.wait_for(unary.initial_metadata(), 2) == grpc.aio.Metadata()
            assert unary.done()
            assert stream.cancelled()

    asyncio.run(body())
    assert peer.received == []


def test_watches_that_are_left_leave_no_task(peer: Peer, tmp_path: Path) -> None:
    async def body() -> None:
        async with sealwire.aio.Client(sealwire.aio.channel(peer.credentials(tmp_path))) as client:
            for _ in range(20):
                async with aclosing(client.job("j-1").watch()) as states:
                    await anext(states)
            await asyncio.sleep(0.1)
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(body())
