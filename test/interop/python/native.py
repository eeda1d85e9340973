"""An ordinary generated stub, without any code of Sealwire: python3 native.py ADDRESS COMMAND [ARGUMENT]."""

import json
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from google.protobuf import json_format

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


def fields_of(error):
    """The fields that a status says are invalid."""
    packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
    bad = error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(packed).details:
        detail.Unpack(bad)
    return [violation.field for violation in bad.field_violations]


def sums(stub):
    """A tool, and arguments that are refused."""
    answer = stub.BatchSum(batch_sum_pb2.BatchSumRequest(numbers=[1, 2, 3.5]))
    try:
        stub.BatchSum(batch_sum_pb2.BatchSumRequest(numbers=[1, float("nan")]))
        raise AssertionError("NaN was accepted")
    except grpc.RpcError as error:
        return {"total": answer.total, "code": error.code().name, "fields": fields_of(error)}


def job(stub, seconds):
    """A job: its id and its output."""
    request = start_long_task_pb2.StartLongTaskRequest(seconds=int(seconds))
    request.payload.update({"greeting": "süß 🦭"})
    answer, call = stub.StartLongTask.with_call(request)
    job_id = dict(call.initial_metadata())["sealwire-job-id"]
    return {"job": job_id, "payload": json_format.MessageToDict(answer.payload)}


def main(address, command, *arguments):
    options = [("grpc.service_config", json.dumps(RETRY))]
    with grpc.insecure_channel(address, options) as channel:
        stub = demo_tool_service_pb2_grpc.DemoToolServiceStub(channel)
        print(json.dumps({"sums": sums, "job": job}[command](stub, *arguments)))


main(*sys.argv[1:])
