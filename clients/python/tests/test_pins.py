"""Calls of tools whose definition is pinned, on both sides, at a signed server in this process."""

import re
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from peer import Peer, Received, contract, ok, refuse
from sides import caller, code_of, job_request

import sealwire
from sealwire._core.declarations import Declarations
from sealwire.demo.v1 import BatchSumRequest, BatchSumResponse
from sealwire.system.v1 import ListToolsResponse, ServerIdentityResponse, ToolDescription
from sealwire.v1 import Error, ErrorReason

SIDES = pytest.mark.parametrize("side", ["sync", "aio"])
SERVICE = "sealwire.demo.v1.DemoToolService"
BATCH_SUM = ToolDescription(name="batch_sum", method=f"{SERVICE}.BatchSum")


def changed_contract() -> bytes:
    """The contract with another field in an argument."""
    files = FileDescriptorSet.FromString(contract())
    file = next(each for each in files.file if each.name.endswith("batch_sum.proto"))
    request = next(each for each in file.message_type if each.name == "BatchSumRequest")
    request.field.add(name="secret", number=9, type=9, label=1)
    return files.SerializeToString()


ACCEPTED = sealwire.definition_digest(BATCH_SUM, contract())
OTHER = sealwire.definition_digest(BATCH_SUM, changed_contract())


def lists(descriptors: bytes, stated: str) -> Callable[[Received], bytes]:
    def answer(received: Received) -> bytes:
        tools = ListToolsResponse(descriptor_set=descriptors)
        tools.tools.add(name="batch_sum", method=BATCH_SUM.method, definition_digest=stated)
        tools.tools.add(name="start_long_task", method=f"{SERVICE}.StartLongTask").job.max_attempts = 1
        return ok(received, tools)

    return answer


@SIDES
def test_the_pinned_digest_is_sent(side: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["list_tools"] = lists(contract(), ACCEPTED)
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": ACCEPTED}) as calls:
        assert calls.batch_sum([1]).count == 1
        calls.explicit(lambda client: client.call("batch_sum", BatchSumRequest(numbers=[1]), BatchSumResponse))
    assert [each.envelope.definition_digest for each in peer.received] == ["", ACCEPTED, ACCEPTED]


@SIDES
def test_no_digest_is_sent_to_a_server_that_states_none(side: str, peer: Peer, tmp_path: Path) -> None:
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": ACCEPTED}) as calls:
        calls.batch_sum([1])
    assert peer.of("batch_sum")[0].envelope.definition_digest == ""


@SIDES
@pytest.mark.parametrize("stated", ["", ACCEPTED, OTHER], ids=["none", "the accepted one", "its own"])
def test_a_changed_tool_is_not_called_whatever_the_server_states(
    side: str, stated: str, peer: Peer, tmp_path: Path
) -> None:
    peer.answers["list_tools"] = lists(changed_contract(), stated)
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": ACCEPTED}) as calls:
        with pytest.raises(sealwire.CallError, match=OTHER) as raised:
            calls.batch_sum([1])
        assert (raised.value.reason, code_of(raised)) == ("TOOL_CHANGED", grpc.StatusCode.FAILED_PRECONDITION)
        error = sealwire.error_of(raised.value)
        assert error is not None
        assert error.reason == ErrorReason.ERROR_REASON_TOOL_CHANGED
    assert peer.of("batch_sum") == []


@SIDES
def test_a_list_that_states_another_digest_is_not_used(side: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["list_tools"] = lists(contract(), OTHER)
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": ACCEPTED}) as calls:
        with pytest.raises(sealwire.CallError) as raised:
            calls.batch_sum([1])
        assert raised.value.reason == "RESPONSE_INVALID"
    assert peer.of("batch_sum") == []


@SIDES
def test_a_call_may_name_the_accepted_definition_itself(side: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["list_tools"] = lists(contract(), ACCEPTED)
    request = BatchSumRequest(numbers=[1])
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": OTHER}) as calls:

        def call(digest: str) -> object:
            body = lambda client: client.call("batch_sum", request, BatchSumResponse, definition_digest=digest)  # noqa: E731
            return calls.explicit(body)

        call(ACCEPTED)
        for digest, reason in ((OTHER, "TOOL_CHANGED"), ("ABC", "ENVELOPE_INVALID")):
            with pytest.raises(sealwire.CallError) as raised:
                call(digest)
            assert raised.value.reason == reason
    assert [each.envelope.definition_digest for each in peer.of("batch_sum")] == [ACCEPTED]


@SIDES
def test_other_tools_and_system_tools_are_called_as_before(side: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["list_tools"] = lists(contract(), ACCEPTED)
    peer.answers["server_identity"] = lambda received: ok(received, ServerIdentityResponse(server_id="peer"))
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": OTHER, "server_identity": OTHER}) as calls:
        calls.explicit(lambda client: client.start("start_long_task", job_request("hi")))
        calls.explicit(lambda client: client.server_identity())
    assert {each.envelope.definition_digest for each in peer.received} == {""}


@SIDES
def test_a_refusal_of_the_server_is_not_tried_again(side: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["list_tools"] = lists(contract(), ACCEPTED)
    error = Error(code=9, reason=ErrorReason.ERROR_REASON_TOOL_CHANGED, message="another definition")
    peer.answers["batch_sum"] = lambda received: refuse(received, error)
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": ACCEPTED}) as calls:
        with pytest.raises(sealwire.CallError) as raised:
            calls.batch_sum([1])
        assert (raised.value.reason, code_of(raised)) == ("TOOL_CHANGED", grpc.StatusCode.FAILED_PRECONDITION)
    assert len(peer.of("batch_sum")) == 1


@SIDES
def test_a_server_of_0_1_behind_the_same_address_is_named_as_the_cause(side: str, peer: Peer, tmp_path: Path) -> None:
    peer.answers["list_tools"] = lists(contract(), ACCEPTED)
    error = Error(code=3, reason=ErrorReason.ERROR_REASON_ENVELOPE_INVALID, message="unknown field 9")
    peer.answers["batch_sum"] = lambda received: refuse(received, error)
    with caller(side, peer.credentials(tmp_path), pins={"batch_sum": ACCEPTED}) as calls:
        with pytest.raises(sealwire.CallError, match=r"unknown field 9.*servers of 0\.1") as raised:
            calls.batch_sum([1])
        assert raised.value.reason == "ENVELOPE_INVALID"
    assert len(peer.of("batch_sum")) == 1


def test_a_pin_that_is_no_digest_is_named(peer: Peer, tmp_path: Path) -> None:
    for digest in ("", "ab", "A" * 64, f"{'a' * 64}\n"):
        with pytest.raises(ValueError, match=re.escape("pins['batch_sum']")):
            sealwire.channel(peer.credentials(tmp_path), pins={"batch_sum": digest})


def test_descriptors_that_declare_something_twice_have_no_digest() -> None:
    files = FileDescriptorSet.FromString(contract())
    twice = FileDescriptorSet(file=[*files.file, files.file[-1]])
    renamed = FileDescriptorSet(file=[*files.file, files.file[-1]])
    renamed.file[-1].name = "other.proto"
    for each in (twice, renamed):
        with pytest.raises(ValueError, match="twice"):
            sealwire.definition_digest(BATCH_SUM, each.SerializeToString())


def test_types_that_are_nested_too_deep_are_refused() -> None:
    nested = b""
    for _ in range(150):
        nested = pack(3, nested)
    with pytest.raises(ValueError, match="too deep"):
        Declarations(pack(1, pack(2, b"p") + pack(4, nested)))


def pack(number: int, content: bytes) -> bytes:
    """A message with one field, of less than 2 KiB."""
    length = len(content)
    return bytes((number << 3 | 2, length & 0x7F | 0x80, length >> 7)) + content


def test_bytes_that_are_no_descriptors_are_refused() -> None:
    for data in (b"\x0a", b"\x0a\x05ab", b"\x0b", b"\xff" * 11, b"\x08" + b"\xff" * 10):
        with pytest.raises(ValueError, match=r"field|varint"):
            Declarations(data)
