"""Calls of ordinary stubs, on both sides, at a signed server in this process."""

import asyncio
import pickle
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status as RpcStatus
from peer import Peer, Received, batch_sum, contract, ok, refuse, response, sealed
from sides import caller, code_of, job_request

import sealwire
from sealwire.demo.v1 import BatchSumRequest, BatchSumResponse, DemoToolServiceStub
from sealwire.system.v1 import ListToolsResponse, ServerIdentityResponse
from sealwire.v1 import Error, ErrorReason, Status

Code = grpc.StatusCode
SIDES = pytest.mark.parametrize("side", ["sync", "aio"])
FAST = sealwire.Retry(initial_delay=0.01, max_delay=0.02)


@SIDES
def test_a_call_is_answered(side: str, peer: Peer, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path)) as calls:
        answer = calls.batch_sum([1, 2, 3.5])
        assert (answer.count, answer.total) == (3, 6.5)
        calls.batch_sum([1], metadata=(("sealwire-request-id", "mine"), ("x-other", "left out")))
    sent = peer.of("batch_sum")
    assert sent[1].envelope.request_id == "mine"
    assert "x-other" not in sent[1].metadata
    assert len(sent[0].envelope.nonce) == 16
    assert sent[0].envelope.nonce != sent[1].envelope.nonce
    assert len(peer.of("list_tools")) == 1


@SIDES
def test_the_names_of_metadata_have_no_case(side: str, peer: Peer, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path)) as calls:
        calls.batch_sum([1], metadata=(("Sealwire-Request-Id", "mine"),))
    assert [each.envelope.request_id for each in peer.of("batch_sum")] == ["mine"]


@SIDES
def test_only_the_trace_context_is_passed_on(side: str, peer: Peer, tmp_path: Path) -> None:
    traceparent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    states = (("tracestate", "a=1"), ("tracestate", "b=2"))
    with caller(side, peer.credentials(tmp_path)) as calls:
        for metadata in ((traceparent, *states), (traceparent, ("tracestate", "x" * 513)), states):
            calls.batch_sum([1], metadata=metadata)
    sent = [received.metadata for received in peer.of("batch_sum")]
    assert [metadata.get("traceparent") for metadata in sent] == [traceparent[1], traceparent[1], None]
    assert [metadata.get("tracestate") for metadata in sent] == ["a=1,b=2", None, None]


@SIDES
def test_a_method_that_is_no_tool_is_unimplemented(side: str, peer: Peer, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(grpc.RpcError) as raised:
        calls.call("/other.v1.OtherToolService/Vanish")
    assert code_of(raised) is Code.UNIMPLEMENTED
    assert "sealwire.demo.v1.DemoToolService/BatchSum" in str(raised.value)


@SIDES
def test_metadata_that_cannot_be_used_are_named(side: str, peer: Peer, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path)) as calls:
        for key, value in (("sealwire-request-id", "two words"), ("sealwire-cancel-on-abandon", "maybe")):
            with pytest.raises(sealwire.CallError, match=key) as raised:
                calls.batch_sum([1], metadata=((key, value),))
            assert code_of(raised) is Code.INVALID_ARGUMENT
    assert peer.of("batch_sum") == []


def flip(frame: bytes) -> bytes:
    changed = bytearray(frame)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


LIES: dict[str, Any] = {
    "a flipped bit": lambda received: flip(batch_sum(received)),
    "another tool's result": lambda received: ok(received, ServerIdentityResponse()),
    "another request": lambda received: sealed(received, response(received, result=BatchSumResponse(), sequence=1)),
    "a status of its own": lambda received: received.context.abort(Code.NOT_FOUND, "unsigned"),
    "a refusal with another code": lambda received: refuse(
        received,
        Error(code=3, reason=ErrorReason.ERROR_REASON_ARGS_INVALID, message="no"),
        change=lambda status: setattr(status, "code", 5),
    ),
    "a refusal without its frame": lambda received: refuse(
        received,
        Error(code=3, reason=ErrorReason.ERROR_REASON_ARGS_INVALID, message="no"),
        change=lambda status: status.details.pop(0),
    ),
    "a refusal with another reason": lambda received: refuse(
        received,
        Error(code=3, reason=ErrorReason.ERROR_REASON_ARGS_INVALID, message="no"),
        change=lambda status: setattr(status.details[1], "value", b"\n\x08DRAINING\x12\x08sealwire"),
    ),
}


@SIDES
@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_signed_for_its_request_is_not_believed(side: str, lie: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["batch_sum"] = LIES[lie]
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(sealwire.UnverifiedError) as raised:
        calls.batch_sum([1])
    assert code_of(raised) is Code.DATA_LOSS
    assert sealwire.error_of(raised.value) is None
    assert len(peer.of("batch_sum")) == 1


@SIDES
def test_a_refusal_tells_its_violations(side: str, peer: Peer, tmp_path: Path) -> None:
    error = Error(code=3, reason=ErrorReason.ERROR_REASON_ARGS_INVALID, message="bad numbers")
    error.violations.add(field="numbers[1]", rule_id="double.finite", message="must be finite")
    peer.answers["batch_sum"] = lambda received: refuse(received, error)
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(grpc.RpcError) as raised:
        calls.batch_sum([1])
    assert code_of(raised) is Code.INVALID_ARGUMENT
    assert sealwire.error_of(raised.value) == error
    assert not isinstance(raised.value, sealwire.UnverifiedError)


@SIDES
def test_a_failure_of_a_tool_is_its_outcome_in_whichever_way_it_comes(side: str, peer: Peer, tmp_path: Path) -> None:
    error = Error(code=8, reason=ErrorReason.ERROR_REASON_TOOL_FAILED, message="no room", retryable=True)
    peer.answers["start_long_task"] = lambda received: refuse(received, error)
    with caller(side, peer.credentials(tmp_path), retry=FAST) as calls, pytest.raises(grpc.RpcError) as raised:
        calls.run_job("hello")
    assert code_of(raised) is Code.RESOURCE_EXHAUSTED
    assert sealwire.error_of(raised.value) == error
    assert len(peer.of("start_long_task")) == 1


@SIDES
def test_a_failure_that_passes_is_tried_again_under_the_same_request_id(side: str, peer: Peer, tmp_path: Path) -> None:
    def later(received: Received) -> bytes:
        if len(peer.of("batch_sum")) == 1:
            error = Error(code=14, reason=ErrorReason.ERROR_REASON_UNAVAILABLE, message="later", retryable=True)
            refuse(received, error)
        if len(peer.of("batch_sum")) == 2:
            received.context.abort(Code.INTERNAL, "a reset of the connection")
        return batch_sum(received)

    peer.answers["batch_sum"] = later
    with caller(side, peer.credentials(tmp_path), retry=FAST) as calls:
        assert calls.batch_sum([1, 2]).total == 3
    attempts = [each.envelope for each in peer.of("batch_sum")]
    assert len(attempts) == 3
    assert len({each.request_id for each in attempts}) == 1
    assert len({each.nonce for each in attempts}) == 3


@SIDES
def test_a_clock_that_is_off_is_corrected_once(side: str, peer: Peer, tmp_path: Path) -> None:
    ahead_ms = 600_000

    def strict(received: Received) -> bytes:
        now_ms = time.time_ns() // 1_000_000 + ahead_ms
        if abs(received.envelope.ts_ms - now_ms) > 5_000:
            skew = Error(code=9, reason=ErrorReason.ERROR_REASON_CLOCK_SKEW, message="too old")
            refuse(received, skew, ts_ms=now_ms)
        return batch_sum(received)

    peer.answers["batch_sum"] = strict
    with caller(side, peer.credentials(tmp_path)) as calls:
        assert calls.batch_sum([1]).count == 1
        assert calls.batch_sum([1]).count == 1
    assert len(peer.of("batch_sum")) == 3


@SIDES
def test_a_deadline_ends_a_call(side: str, peer: Peer, tmp_path: Path) -> None:
    def slow(received: Received) -> bytes:
        time.sleep(1)
        return batch_sum(received)

    peer.answers["batch_sum"] = slow
    with caller(side, peer.credentials(tmp_path)) as calls:
        calls.explicit(lambda client: client.list_tools())
        begun_at = time.monotonic()
        with pytest.raises(grpc.RpcError) as raised:
            calls.batch_sum([1], timeout=0.2)
        assert time.monotonic() - begun_at < 0.8
    assert code_of(raised) is Code.DEADLINE_EXCEEDED


@SIDES
def test_the_time_for_the_contract_is_that_of_the_call(side: str, peer: Peer, tmp_path: Path) -> None:
    list_tools = peer.answers["list_tools"]

    def slow(received: Received) -> bytes:
        time.sleep(0.5)
        return (list_tools if received.envelope.tool == "list_tools" else batch_sum)(received)

    peer.answers["list_tools"] = peer.answers["batch_sum"] = slow
    with caller(side, peer.credentials(tmp_path)) as calls, pytest.raises(grpc.RpcError) as raised:
        calls.explicit(lambda client: client.call("batch_sum", BatchSumRequest(), BatchSumResponse, timeout=0.8))
    assert code_of(raised) is Code.DEADLINE_EXCEEDED


def test_threads_that_wait_for_the_contract_fail_together(peer: Peer, tmp_path: Path) -> None:
    def silent(received: Received) -> bytes:
        time.sleep(1)
        return batch_sum(received)

    peer.answers["list_tools"] = silent
    with sealwire.channel(peer.credentials(tmp_path), timeout=0.5) as channel:
        begun_at = time.monotonic()
        futures = [DemoToolServiceStub(channel).BatchSum.future(BatchSumRequest()) for _ in range(6)]
        assert {future.code() for future in futures} == {Code.DEADLINE_EXCEEDED}
        assert time.monotonic() - begun_at < 1.5


def test_a_future_that_is_cancelled_while_the_contract_is_fetched_ends_at_once(peer: Peer, tmp_path: Path) -> None:
    list_tools = peer.answers["list_tools"]

    def slow(received: Received) -> bytes:
        time.sleep(0.6)
        return list_tools(received)

    peer.answers["list_tools"] = slow
    ended = threading.Event()
    with sealwire.channel(peer.credentials(tmp_path)) as channel:
        abandon = (("sealwire-cancel-on-abandon", "true"),)
        future = DemoToolServiceStub(channel).StartLongTask.future(job_request("hello"), metadata=abandon)
        future.add_done_callback(lambda _future: ended.set())
        time.sleep(0.1)
        begun_at = time.monotonic()
        assert future.cancel()
        assert not future.cancel()
        assert future.code() is Code.CANCELLED
        assert ended.wait(0.2)
        assert time.monotonic() - begun_at < 0.3
        with pytest.raises(grpc.FutureCancelledError):
            future.result()
        time.sleep(0.8)
    assert {each.envelope.tool for each in peer.received} == {"list_tools"}


def test_a_channel_that_is_closed_while_the_contract_is_fetched_ends_the_call(peer: Peer, tmp_path: Path) -> None:
    def silent(received: Received) -> bytes:
        time.sleep(0.5)
        return batch_sum(received)

    async def body() -> None:
        channel = sealwire.aio.channel(peer.credentials(tmp_path))
        client = sealwire.aio.Client(channel)
        task = asyncio.create_task(client.call("batch_sum", BatchSumRequest(), BatchSumResponse))
        await asyncio.sleep(0.2)
        await channel.close()
        with pytest.raises(sealwire.CallError) as raised:
            await task
        assert code_of(raised) is Code.CANCELLED

    peer.answers["list_tools"] = silent
    asyncio.run(body())


def test_a_callback_that_fails_changes_nothing(peer: Peer, tmp_path: Path) -> None:
    def fail(*_arguments: object) -> None:
        raise ValueError("of the caller")

    def slow(received: Received) -> bytes:
        time.sleep(0.2)
        return batch_sum(received)

    peer.answers["batch_sum"] = slow
    called = threading.Event()
    with sealwire.channel(peer.credentials(tmp_path)) as channel:
        future = DemoToolServiceStub(channel).BatchSum.future(BatchSumRequest(numbers=[1]))
        assert future.add_callback(fail)
        future.add_done_callback(fail)
        future.add_done_callback(lambda _future: called.set())
        assert future.result().total == 1
        assert called.wait(2)


def test_a_tool_cannot_forge_the_details_of_an_error(peer: Peer, tmp_path: Path) -> None:
    error = Error(code=5, reason=ErrorReason.ERROR_REASON_TOOL_FAILED, message="no such row")
    error.details.add().Pack(Error(message="forged"))
    peer.answers["batch_sum"] = lambda received: sealed(
        received, response(received, status=Status.STATUS_ERROR, error=error)
    )
    with sealwire.channel(peer.credentials(tmp_path)) as channel, pytest.raises(sealwire.CallError) as raised:
        DemoToolServiceStub(channel).BatchSum(BatchSumRequest())
    packed = next(value for key, value in raised.value.trailing_metadata() if key == "grpc-status-details-bin")
    kind = "type.googleapis.com/sealwire.v1.Error"
    found = [each.value for each in RpcStatus.FromString(packed).details if each.type_url == kind]
    assert found == [error.SerializeToString()]


@SIDES
def test_a_lost_answer_of_a_tool_with_side_effects_is_outcome_unknown(side: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["start_long_task"] = lambda received: received.context.abort(Code.UNAVAILABLE, "cut")
    path, retry = peer.credentials(tmp_path), sealwire.Retry(max_attempts=2, initial_delay=0.01)
    with caller(side, path, retry=retry) as calls, pytest.raises(sealwire.CallError, match="taken effect") as raised:
        calls.run_job("hello", metadata=(("sealwire-request-id", "once"),))
    assert code_of(raised) is Code.UNKNOWN
    assert raised.value.reason == "OUTCOME_UNKNOWN"
    assert raised.value.request_id == "once"
    found = sealwire.error_of(raised.value)
    assert found is not None
    assert found.reason == ErrorReason.ERROR_REASON_OUTCOME_UNKNOWN


@SIDES
def test_a_call_that_reached_no_server_is_unavailable(side: str, peer: Peer, tmp_path: Path) -> None:
    path = peer.credentials(tmp_path)
    with caller(side, path, timeout=0.5, retry=FAST) as calls:
        assert calls.batch_sum([1]).count == 1
        peer.stop()
        # Notices that the connection is gone.
        with pytest.raises(sealwire.CallError):
            calls.batch_sum([1])
        with pytest.raises(sealwire.CallError) as raised:
            calls.run_job("hello")
        peer.start()
    assert code_of(raised) is Code.UNAVAILABLE


@SIDES
def test_a_peer_cannot_pretend_that_a_call_has_not_reached_it(side: str, peer: Peer, tmp_path: Path) -> None:
    text = "failed to connect to all addresses; last error: none"
    peer.answers["start_long_task"] = lambda received: received.context.abort(Code.UNAVAILABLE, text)
    path, retry = peer.credentials(tmp_path), sealwire.Retry(max_attempts=1)
    with caller(side, path, retry=retry) as calls, pytest.raises(sealwire.CallError) as raised:
        calls.run_job("hello")
    assert (code_of(raised), raised.value.reason) == (Code.UNKNOWN, "OUTCOME_UNKNOWN")


def http2(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + content


def take_a_request_and_vanish(listener: socket.socket) -> None:
    """Takes a request, closes the port, and says what gRPC says where no connection could be made."""
    answer = {
        b":status": b"200",
        b"content-type": b"application/grpc",
        b"grpc-status": b"14",
        b"grpc-message": b"failed to connect to all addresses; none",
    }
    packed = b"".join(bytes((0, len(key))) + key + bytes((len(text),)) + text for key, text in answer.items())
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as received:
        received.read(24)
        connection.sendall(http2(4, 0, 0))
        while head := received.read(9):
            received.read(int.from_bytes(head[:3], "big"))
            stream = int.from_bytes(head[5:], "big")
            if head[3] == 4 and head[4] == 0:
                connection.sendall(http2(4, 1, 0))
            elif head[3] == 0 and head[4] & 1:
                listener.close()
                connection.sendall(http2(7, 0, 0, struct.pack(">II", stream, 0)))
                time.sleep(0.3)  # Now the client finds that it cannot connect again.
                connection.sendall(http2(1, 5, stream, packed))


@SIDES
def test_a_peer_that_vanishes_cannot_pretend_it_either(side: str, peer: Peer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=take_a_request_and_vanish, args=(listener,), daemon=True).start()
        path = peer.credentials(tmp_path, address=f"dns:///127.0.0.1:{listener.getsockname()[1]}")
        tools = ListToolsResponse(descriptor_set=contract())
        tools.tools.add(name="batch_sum", method="sealwire.demo.v1.DemoToolService.BatchSum")
        with caller(side, path, timeout=1) as calls:
            channel = calls.channel if side == "sync" else calls._channel
            channel.connection.session.contracts.adopt(tools.SerializeToString())
            with pytest.raises(sealwire.CallError) as raised:
                calls.batch_sum([1])
    assert (code_of(raised), raised.value.reason) == (Code.UNKNOWN, "OUTCOME_UNKNOWN")


@SIDES
def test_a_request_that_is_too_large_is_not_sent(side: str, peer: Peer, tmp_path: Path) -> None:
    with (
        caller(side, peer.credentials(tmp_path)) as calls,
        pytest.raises(sealwire.CallError, match="1,048,576") as raised,
    ):
        calls.batch_sum([1.0] * 140_000)
    assert code_of(raised) is Code.RESOURCE_EXHAUSTED
    assert peer.of("batch_sum") == []


@SIDES
def test_a_tools_own_failure_keeps_its_code(side: str, peer: Peer, tmp_path: Path) -> None:
    error = Error(code=5, reason=ErrorReason.ERROR_REASON_TOOL_FAILED, message="no such row")
    peer.answers["batch_sum"] = lambda received: sealed(
        received, response(received, status=Status.STATUS_ERROR, error=error)
    )
    with (
        caller(side, peer.credentials(tmp_path)) as calls,
        pytest.raises(sealwire.CallError, match="no such row") as raised,
    ):
        calls.batch_sum([1])
    assert code_of(raised) is Code.NOT_FOUND


@SIDES
def test_rules_are_checked_before_sending_if_asked_for(side: str, peer: Peer, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path), validate=True) as calls:
        with pytest.raises(sealwire.CallError) as raised:
            calls.batch_sum([1, float("nan")])
        assert calls.batch_sum([1]).count == 1
    found = sealwire.error_of(raised.value)
    assert found is not None
    assert [(each.field, each.rule_id) for each in found.violations] == [("numbers[1]", "double.finite")]
    assert len(peer.of("batch_sum")) == 1


@SIDES
def test_a_tool_is_called_by_its_name(side: str, peer: Peer, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path)) as calls:
        answer = calls.explicit(
            lambda client: client.call("batch_sum", BatchSumRequest(numbers=[2]), BatchSumResponse, request_id="r-1")
        )
        assert answer.total == 2
        with pytest.raises(sealwire.CallError) as raised:
            calls.explicit(lambda client: client.call("vanish", BatchSumRequest(), BatchSumResponse))
    assert (code_of(raised), raised.value.reason) == (Code.PERMISSION_DENIED, "TOOL_FORBIDDEN")
    assert peer.of("batch_sum")[0].envelope.request_id == "r-1"


class Noting(grpc.UnaryUnaryClientInterceptor):
    """An interceptor, as tracing libraries have them."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.methods.append(details.method)
        return continuation(details, request)


def test_interceptors_of_grpc_go_with_the_channel(peer: Peer, tmp_path: Path) -> None:
    noting = Noting()
    with sealwire.channel(peer.credentials(tmp_path)) as channel:
        stub = DemoToolServiceStub(grpc.intercept_channel(channel, noting))
        assert stub.BatchSum(BatchSumRequest(numbers=[1])).total == 1
        assert stub.BatchSum.future(BatchSumRequest(numbers=[2])).result().total == 2
        peer.answers["batch_sum"] = lambda received: flip(batch_sum(received))
        with pytest.raises(sealwire.UnverifiedError):
            stub.BatchSum(BatchSumRequest(numbers=[1]))
    assert noting.methods == ["/sealwire.demo.v1.DemoToolService/BatchSum"] * 3


def test_an_error_can_be_pickled(peer: Peer, tmp_path: Path) -> None:
    with sealwire.channel(peer.credentials(tmp_path)) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/a.v1.B/C")(b"")
    copy = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert (copy.code(), copy.details()) == (Code.UNIMPLEMENTED, raised.value.details())
    assert dict(copy.trailing_metadata()).keys() == {"grpc-status-details-bin"}


def test_a_method_that_takes_a_stream_is_unimplemented(peer: Peer, tmp_path: Path) -> None:
    with sealwire.channel(peer.credentials(tmp_path)) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.stream_unary("/sealwire.demo.v1.DemoToolService/BatchSum")(iter([]))
    assert code_of(raised) is Code.UNIMPLEMENTED
