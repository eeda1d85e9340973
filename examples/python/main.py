"""Calls every kind of tool once: python3 main.py CREDENTIALS"""

import asyncio
import math
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from google.protobuf.message import Message
from sealwire.demo.v1.batch_sum_pb2 import BatchSumRequest, BatchSumResponse
from sealwire.demo.v1.start_long_task_pb2 import StartLongTaskRequest, StartLongTaskResponse
from sealwire.system.v1.cancel_job_pb2 import CancelJobRequest, CancelJobResponse
from sealwire.system.v1.server_identity_pb2 import ServerIdentityRequest, ServerIdentityResponse
from sealwire.system.v1.watch_job_pb2 import WatchJobResponse
from sealwire.v1.job_pb2 import JobState
from sealwire.v1.response_pb2 import Response

from client import Client, Interrupted, Refused, backoff_s
from credentials import Credentials
from signing import REASONS

M = TypeVar("M", bound=Message)


def output(response: Response, kind: type[M]) -> M:
    if not response.HasField("result"):
        raise RuntimeError(f"{REASONS[response.error.reason]}: {response.error.message}")
    return kind.FromString(response.result.value)


async def identify(client: Client) -> None:
    response = await client.call("server_identity", ServerIdentityRequest(), ServerIdentityResponse)
    identity = output(response, ServerIdentityResponse)
    if identity.fingerprint != client.credentials.server_fingerprint:
        raise RuntimeError(f"{identity.server_id} is not the server that the credentials are for")
    print(f"server {identity.server_id}, fingerprint as in the credentials")


async def add_up(client: Client) -> None:
    response = await client.call("batch_sum", BatchSumRequest(numbers=[1, 2, 3.5]), BatchSumResponse)
    total = output(response, BatchSumResponse)
    print(f"{total.count} numbers, {total.total} in all")
    try:
        await client.call("batch_sum", BatchSumRequest(numbers=[1, math.nan, math.inf]), BatchSumResponse)
    except Refused as refused:
        print(f"refused: {REASONS[refused.error.reason]}")
        for violation in refused.error.violations:
            print(f"  {violation.field}: {violation.rule_id}")
        for detail in refused.error.details:
            print(f"  {detail.TypeName()}")


async def run_job(client: Client) -> None:
    task = StartLongTaskRequest(seconds=3)
    task.payload["greeting"] = "süß 🦭"
    job = (await client.call("start_long_task", task, StartLongTaskResponse)).job
    async with aclosing(client.watch(job.job_id)) as states:
        async for state in states:
            show(state)
            revision = state.job.revision
            if state.job.state == JobState.JOB_STATE_RUNNING:
                break
    # A watch can be stopped and resumed at any time, by this process or by another one that knows the job's id.
    async for end in follow(client, job.job_id, revision):
        show(end)
    result = StartLongTaskResponse()
    if not end.output.Unpack(result):
        raise RuntimeError(f"the job failed: {end.job.error.message}")
    print(f"greeting: {result.payload['greeting']}")


async def cancel_job(client: Client) -> None:
    job = (await client.call("start_long_task", StartLongTaskRequest(seconds=20), StartLongTaskResponse)).job
    await client.call("cancel_job", CancelJobRequest(job_id=job.job_id), CancelJobResponse)
    *_, end = [state async for state in follow(client, job.job_id)]
    print(f"second job {name(end)}")


async def follow(client: Client, job_id: str, revision: int = 0) -> AsyncGenerator[WatchJobResponse, None]:
    """Watches a job to its end. Resumes the watch after each interruption."""
    attempt = 0
    while True:
        if revision > 0:
            print(f"watch resumed after revision {revision}", flush=True)
        try:
            async for state in client.watch(job_id, revision):
                revision, attempt = state.job.revision, 0
                yield state
            return
        except Interrupted:
            attempt += 1
            await asyncio.sleep(backoff_s(attempt))


def show(state: WatchJobResponse) -> None:
    print(f"job {name(state)}, revision {state.job.revision}", flush=True)


def name(state: WatchJobResponse) -> str:
    return JobState.Name(state.job.state).removeprefix("JOB_STATE_")


async def main(path: str) -> None:
    async with Client(Credentials.load(path)) as client:
        await identify(client)
        await add_up(client)
        await run_job(client)
        await cancel_job(client)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
