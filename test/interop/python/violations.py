"""Shows that protovalidate finds before sending what the server would find."""

import math

import protovalidate
from google.protobuf.message import Message
from interop.v1.refuse_pb2 import RefuseRequest, RefuseResponse
from sealwire.demo.v1.batch_sum_pb2 import BatchSumRequest, BatchSumResponse
from sealwire.demo.v1.start_long_task_pb2 import StartLongTaskRequest, StartLongTaskResponse
from sealwire.system.v1.list_jobs_pb2 import ListJobsRequest, ListJobsResponse
from sealwire.system.v1.poll_job_pb2 import PollJobRequest, PollJobResponse

from client import Client, Refused
from credentials import Credentials

CASES: list[tuple[str, Message, type[Message]]] = [
    ("batch_sum", BatchSumRequest(), BatchSumResponse),
    ("batch_sum", BatchSumRequest(numbers=[1, math.nan, 2, -math.inf]), BatchSumResponse),
    ("batch_sum", BatchSumRequest(numbers=[1.0] * 10_001), BatchSumResponse),
    ("start_long_task", StartLongTaskRequest(), StartLongTaskResponse),
    ("start_long_task", StartLongTaskRequest(seconds=21), StartLongTaskResponse),
    ("poll_job", PollJobRequest(wait_ms=45_001, after_revision=-1), PollJobResponse),
    ("poll_job", PollJobRequest(job_id="j" * 129, wait_ms=-1), PollJobResponse),
    ("list_jobs", ListJobsRequest(states=[0, 1, 9], page_size=501), ListJobsResponse),
    ("list_jobs", ListJobsRequest(states=[1] * 9, tool="t" * 129, page_token="p" * 513), ListJobsResponse),
    ("refuse", RefuseRequest(), RefuseResponse),
    ("refuse", RefuseRequest(text="because ☺ 😈"), RefuseResponse),
]


async def run(credentials: Credentials) -> None:
    async with Client(credentials) as client:
        for tool, args, result in CASES:
            found = violations_of(args)
            try:
                await client.call(tool, args, result)
                raise AssertionError(f"{tool} took {args}")
            except Refused as refused:
                told = sorted((each.field, each.rule_id) for each in refused.error.violations)
            if found != told or not found:
                raise AssertionError(f"{tool}: found {found}, the server {told}")
    print(f"{len(CASES)} messages, the same violations")


def violations_of(args: Message) -> list[tuple[str, str]]:
    """The fields at fault with the rules they break."""
    return sorted((path(each), each.proto.rule_id) for each in protovalidate.collect_violations(args))


def path(violation: protovalidate.Violation) -> str:
    """Writes a field path as the server does, for example numbers[3]."""
    field = violation.proto.field
    parts = (
        []
        if field is None
        else [
            each.field_name + ("" if each.subscript is None else f"[{each.subscript.value}]") for each in field.elements
        ]
    )
    return ".".join(parts)
