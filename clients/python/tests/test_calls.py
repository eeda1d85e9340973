"""Calls of ordinary stubs, on both sides, at a signed server in this process."""

import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from peer import Peer, Received, batch_sum, ok, refuse, response, sealed
from sides import caller, code_of

import sealwire
from sealwire.demo.v1 import BatchSumRequest, BatchSumResponse
from sealwire.system.v1 import ServerIdentityResponse
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
        with pytest.raises(sealwire.CallError) as raised:
            calls.run_job("hello")
        peer.start()
    assert code_of(raised) in (Code.UNAVAILABLE, Code.UNKNOWN)


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
