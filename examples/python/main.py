"""Calls tools through ordinary generated stubs: python3 main.py CREDENTIALS"""

import math
import sys

import sealwire
from sealwire.demo.v1 import BatchSumRequest, DemoToolServiceStub, StartLongTaskRequest, StartLongTaskResponse
from sealwire.system.v1 import ServerIdentityRequest, SystemToolServiceStub
from sealwire.v1 import ErrorReason, JobState

credentials = sealwire.Credentials.load(sys.argv[1])
with sealwire.channel(sys.argv[1]) as channel:
    stub, client = DemoToolServiceStub(channel), sealwire.Client(channel)
    identity = SystemToolServiceStub(channel).ServerIdentity(ServerIdentityRequest())
    if identity.fingerprint != credentials.server_fingerprint:
        sys.exit(f"{identity.server_id} is not the server that the credentials are for")
    print(f"server {identity.server_id}, fingerprint as in the credentials")

    total = stub.BatchSum(BatchSumRequest(numbers=[1, 2, 3.5]))
    print(f"{total.count} numbers, {total.total} in all")
    try:
        stub.BatchSum(BatchSumRequest(numbers=[1, math.nan, math.inf]))
    except sealwire.CallError as error:
        if (refusal := sealwire.error_of(error)) is None:
            raise
        print(f"refused: {ErrorReason.Name(refusal.reason).removeprefix('ERROR_REASON_')}")
        for violation in refusal.violations:
            print(f"  {violation.field}: {violation.rule_id}")

    task = StartLongTaskRequest(seconds=3)
    task.payload["greeting"] = "süß 🦭"
    # stub.StartLongTask(task) waits for the output; the handle shows how far the job is.
    job = client.start("start_long_task", task)
    for state in job.watch():
        print(f"job {JobState.Name(state.state).removeprefix('JOB_STATE_')}, revision {state.revision}", flush=True)
    print(f"greeting: {job.result(StartLongTaskResponse).payload['greeting']}")

    cancelling = (("sealwire-cancel-on-abandon", "true"),)
    waiting = stub.StartLongTask.future(StartLongTaskRequest(seconds=20), metadata=cancelling)
    second = client.job(str(dict(waiting.initial_metadata())["sealwire-job-id"]))
    waiting.cancel()
    *_, end = second.watch()
    print(f"second job {JobState.Name(end.state).removeprefix('JOB_STATE_')}")
