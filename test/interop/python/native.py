"""An ordinary generated stub, without any code of Sealwire: python3 native.py ADDRESS COMMAND [ARGUMENT]."""

import json
import sys
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from sealwire.demo.v1 import batch_sum_pb2, demo_tool_service_pb2_grpc, start_long_task_pb2

RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def fields_of(error: Any) -> list[str]:
    """The fields that a status says are invalid."""
    packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
    bad = error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(packed).details:
        detail.Unpack(bad)
    return [violation.field for violation in bad.field_violations]


def sums(stub: Any) -> dict[str, Any]:
    """A tool, and arguments that are refused."""
    answer = stub.BatchSum(batch_sum_pb2.BatchSumRequest(numbers=[1, 2, 3.5]))
    try:
        stub.BatchSum(batch_sum_pb2.BatchSumRequest(numbers=[1, float("nan")]))
        raise AssertionError("NaN was accepted")
    except grpc.RpcError as error:
        return {"total": answer.total, "code": error.code().name, "fields": fields_of(error)}


def job(stub: Any, seconds: str) -> dict[str, Any]:
    """A job: its id and its output."""
    request = start_long_task_pb2.StartLongTaskRequest(seconds=int(seconds))
    request.payload.update({"greeting": "süß 🦭"})
    answer, call = stub.StartLongTask.with_call(request)
    job_id = dict(call.initial_metadata())["sealwire-job-id"]
    return {"job": job_id, "payload": json_format.MessageToDict(answer.payload)}


def main(address: str, command: str, *arguments: str) -> None:
    options = [("grpc.service_config", json.dumps(RETRY))]
    with grpc.insecure_channel(address, options) as channel:
        stub = demo_tool_service_pb2_grpc.DemoToolServiceStub(channel)
        commands: dict[str, Callable[..., dict[str, Any]]] = {"sums": sums, "job": job}
        print(json.dumps(commands[command](stub, *arguments)))


main(*sys.argv[1:])
