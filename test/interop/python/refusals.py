"""Changes a server's refusal on its way to the client and prints what the client makes of it."""

from collections.abc import Callable

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from sealwire.demo.v1.batch_sum_pb2 import BatchSumRequest, BatchSumResponse

from client import CALL, Client
from credentials import Credentials
from signing import REASONS, Expected, Unverified, verify_refusal

FRAME, INFO = 0, 1
OTHER_INFO = ErrorInfo(reason="REPLAYED", domain="sealwire")


async def run(credentials: Credentials) -> None:
    async with Client(credentials) as client:
        status, expected = await refused(client)
        another, _ = await refused(client)
    for name, change in CHANGES.items():
        changed = Status.FromString(status.SerializeToString())
        change(changed, another)
        print(f"{name}: {verdict(expected, changed)}")


async def refused(client: Client) -> tuple[Status, Expected]:
    frame, expected = client.signed(CALL, "batch_sum", BatchSumRequest(), BatchSumResponse, "same")
    try:
        await client.send(frame)
    except grpc.aio.AioRpcError as error:
        return Status.FromString(error.trailing_metadata()["grpc-status-details-bin"]), expected
    raise AssertionError("no numbers were added up")


def verdict(expected: Expected, status: Status) -> str:
    try:
        response = verify_refusal(expected, grpc.StatusCode.INVALID_ARGUMENT.value[0], status.SerializeToString())
    except Unverified:
        return "unverified"
    return "unsigned" if response is None else REASONS[response.error.reason]


def flip(status: Status) -> None:
    value = bytearray(status.details[FRAME].value)
    value[len(value) // 2] ^= 1
    status.details[FRAME].value = bytes(value)


CHANGES: dict[str, Callable[[Status, Status], object]] = {
    "as sent": lambda _status, _another: None,
    "another code": lambda status, _another: status.MergeFrom(Status(code=grpc.StatusCode.NOT_FOUND.value[0])),
    "another reason": lambda status, _another: status.details[INFO].Pack(
        ErrorInfo(reason="REPLAYED", domain="sealwire")
    ),
    "a flipped bit": lambda status, _another: flip(status),
    "the refusal of another attempt": lambda status, another: status.CopyFrom(another),
    "no frame": lambda status, _another: status.details.__delitem__(FRAME),
}
