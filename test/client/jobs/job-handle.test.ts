import { CancelJobRequest } from "../../../gen/sealwire/system/v1/cancel_job.ts";
import { PollJobRequest } from "../../../gen/sealwire/system/v1/poll_job.ts";
import { type Job, JobState } from "../../../gen/sealwire/v1/job.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import { SealwireError } from "../../../src/errors.ts";
import { errorToMessage } from "../../../src/wire/error-message.ts";
import { assert, suite } from "../../support/suite.ts";
import { type JobResponseFields, jobFrame } from "../peers/jobs.ts";
import {
  type Behaviour,
  makeCredentials,
  type Received,
  refuse,
  type SignedPeer,
  startPeer,
} from "../peers/signed-peer.ts";
import { thrownBy } from "../peers/thrown.ts";

const test = suite("client/jobs/job-handle");
const credentials = makeCredentials("");
const { QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED } = JobState;

async function withPeer(
  behaviour: Behaviour,
  body: (client: SealwireClient, peer: SignedPeer) => Promise<void>,
): Promise<void> {
  await using peer = await startPeer(behaviour, { credentials });
  await using client = new SealwireClient({
    credentials: peer.credentials,
    retry: { initialDelayMs: 1, maxDelayMs: 4 },
  });
  await body(client, peer);
}

const polled = (received: Received, job: Partial<Job>, fields: JobResponseFields = {}): Buffer =>
  jobFrame(credentials, received, job, { type: "PollJobResponse", ...fields });

const pollRequest = ({ envelope }: Received): PollJobRequest =>
  PollJobRequest.decode(envelope.args?.value ?? new Uint8Array());

test("poll gives the job with its times, progress and error", async () => {
  const job: Partial<Job> = {
    state: QUEUED,
    revision: 4n,
    attempt: 1,
    progress: { completed: 3n, total: 10n, message: "3 of 10" },
    error: errorToMessage(new SealwireError("WORKER_LOST", "gone")),
    cancelRequested: true,
    startTime: { seconds: 5n, nanos: 1_999_999 },
  };
  await withPeer({ call: (received) => polled(received, job) }, async (client, peer) => {
    const handle = client.job("job-1");
    assert.is(handle.latest, undefined);
    const snapshot = await handle.poll({ waitMs: 20_000, afterRevision: 3 });
    assert.equal(snapshot, {
      jobId: "job-1",
      tool: "start_long_task",
      requestId: "request-1",
      state: "QUEUED",
      revision: 4,
      attempt: 1,
      maxAttempts: 3,
      progress: { completed: 3, total: 10, message: "3 of 10" },
      error: {
        reason: "WORKER_LOST",
        message: "gone",
        status: "ABORTED",
        retryable: true,
        violations: [],
        violationsOmitted: 0,
        retryDelayMs: undefined,
        details: [],
      },
      cancelRequested: true,
      createdAtMs: 1_700_000_000_500,
      startedAtMs: 5001,
      endedAtMs: undefined,
      expiresAtMs: undefined,
      traceId: undefined,
    });
    assert.is(handle.latest, snapshot);
    const request = pollRequest(peer.calls[0] as Received);
    assert.is(request.waitMs, 20_000);
    assert.is(request.afterRevision, 3n);
  });
});

test("a poll waits no longer on the server than its own time limit", async () => {
  await withPeer({ call: (received) => polled(received, {}) }, async (client, peer) => {
    await client.job("job-1").poll({ waitMs: 45_000, timeoutMs: 10_000 });
    assert.is(pollRequest(peer.calls[0] as Received).waitMs, 9_500);
    await client.job("job-1").poll({ waitMs: 45_000, timeoutMs: 500 });
    assert.is(pollRequest(peer.calls[1] as Received).waitMs, 0);
    for (const waitMs of [-1, 45_001, Number.NaN]) {
      assert.is((await thrownBy(() => client.job("job-1").poll({ waitMs }))).reason, "OPTIONS_INVALID");
    }
  });
});

test("poll refuses a job that falls behind what the handle knows, and another job", async () => {
  const revisions = [5n, 4n];
  await withPeer(
    { call: (received, attempt) => polled(received, { revision: revisions[attempt - 1] ?? 1n }) },
    async (client) => {
      const handle = client.job("job-1");
      await handle.poll();
      assert.is((await thrownBy(() => handle.poll())).reason, "RESPONSE_INVALID");
      assert.is(handle.latest?.revision, 5);
    },
  );
  await withPeer({ call: (received) => polled(received, { jobId: "job-2" }) }, async (client) => {
    assert.is((await thrownBy(() => client.job("job-1").poll())).reason, "RESPONSE_INVALID");
  });
});

test("poll gives a failed job as a state, result throws its error", async () => {
  const error = errorToMessage(new SealwireError("TOOL_FAILED", "disk full", { status: "RESOURCE_EXHAUSTED" }));
  const failed: Partial<Job> = { state: FAILED, revision: 3n, error };
  const behaviour: Behaviour = {
    call: (received) => polled(received, failed),
    watch: (received, reply) => reply.send(jobFrame(credentials, received, failed, { sequence: 1 })),
  };
  await withPeer(behaviour, async (client, peer) => {
    const handle = client.job("job-1");
    assert.is((await handle.poll()).state, "FAILED");
    const thrown = await thrownBy(() => handle.result());
    assert.is(thrown.reason, "TOOL_FAILED");
    assert.is(thrown.message, "disk full");
    assert.is(thrown.status, "RESOURCE_EXHAUSTED");
    assert.is(peer.watches.length, 0, "a handle that knows the end does not ask again");
    assert.is((await thrownBy(() => client.job("job-1").result())).reason, "TOOL_FAILED");
    assert.is(peer.watches.length, 1);
  });
});

test("result of a cancelled job throws CANCELLED, also where the server gives no error", async () => {
  for (const error of [undefined, errorToMessage(new SealwireError("CANCELLED", "by its owner"))]) {
    const behaviour: Behaviour = {
      watch: (received, reply) =>
        reply.send(jobFrame(credentials, received, { state: CANCELLED, revision: 2n, error }, { sequence: 1 })),
    };
    await withPeer(behaviour, async (client) => {
      assert.is((await thrownBy(() => client.job("job-1").result())).reason, "CANCELLED");
    });
  }
});

test("result follows the job to its end and gives the output", async () => {
  const behaviour: Behaviour = {
    watch: (received, reply, attempt) => {
      if (attempt === 1) {
        reply.send(jobFrame(credentials, received, { state: RUNNING, revision: 2n }, { sequence: 1 }));
        reply.fail(refuse(credentials, received, new SealwireError("DRAINING"), { sequence: 2n }));
        return;
      }
      reply.send(jobFrame(credentials, received, { state: SUCCEEDED, revision: 3n }, { sequence: 1 }));
      reply.end();
    },
  };
  await withPeer(behaviour, async (client) => {
    const handle = client.job("job-1");
    const output = await handle.result();
    assert.is(output.typeName, "sealwire.demo.v1.StartLongTaskResponse");
    assert.equal(await output.json(), { payload: { done: true } });
    assert.is(handle.latest?.state, "SUCCEEDED");
    assert.is(await handle.result().then(({ typeName }) => typeName), output.typeName);
  });
});

test("cancel asks once and gives the job as it is then", async () => {
  const behaviour: Behaviour = {
    call: (received) =>
      jobFrame(
        credentials,
        received,
        { state: CANCELLED, revision: 2n, cancelRequested: true },
        { type: "CancelJobResponse" },
      ),
  };
  await withPeer(behaviour, async (client, peer) => {
    const handle = client.job("job-1");
    assert.is((await handle.cancel()).state, "CANCELLED");
    assert.is(handle.latest?.cancelRequested, true);
    const { envelope } = peer.calls[0] as Received;
    assert.is(envelope.tool, "cancel_job");
    assert.is(CancelJobRequest.decode(envelope.args?.value ?? new Uint8Array()).jobId, "job-1");
  });
});

test("an absent job is JOB_NOT_FOUND only with a signature", async () => {
  await withPeer(
    {
      call: (received, attempt) => {
        const refusal = refuse(credentials, received, new SealwireError("JOB_NOT_FOUND"));
        return attempt === 1 ? refusal : { code: refusal.code, details: refusal.details };
      },
    },
    async (client) => {
      assert.is((await thrownBy(() => client.job("job-1").poll())).reason, "JOB_NOT_FOUND");
      assert.is((await thrownBy(() => client.job("job-1").poll())).reason, "RESPONSE_UNVERIFIED");
    },
  );
});

test.run();
