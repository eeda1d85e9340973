import type { BatchSumResponse } from "../../../gen/sealwire/demo/v1/batch_sum.ts";
import { DemoToolServiceDefinition } from "../../../gen/sealwire/demo/v1/demo_tool_service.ts";
import type { StartLongTaskResponse } from "../../../gen/sealwire/demo/v1/start_long_task.ts";
import type { PollJobResponse } from "../../../gen/sealwire/system/v1/poll_job.ts";
import { SystemToolServiceDefinition } from "../../../gen/sealwire/system/v1/system_tool_service.ts";
import { type Job, JobState } from "../../../gen/sealwire/v1/job.ts";
import { Status } from "../../../gen/sealwire/v1/response.ts";
import { type IsJob, isJobMethod, type TypedTools } from "../../../src/client/calls/typed-tools.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import type { JobHandle } from "../../../src/client/jobs/job-handle.ts";
import { SealwireError } from "../../../src/errors.ts";
import { builtinImage } from "../../../src/wire/descriptors.ts";
import { errorToMessage } from "../../../src/wire/error-message.ts";
import { assert, suite } from "../../support/suite.ts";
import { jobFrame, jobMessage, taskOutput } from "../peers/jobs.ts";
import { sumResult } from "../peers/numbers.ts";
import {
  type Behaviour,
  makeCredentials,
  ok,
  type Received,
  response,
  type SignedPeer,
  sign,
  startPeer,
} from "../peers/signed-peer.ts";
import { thrownBy } from "../peers/thrown.ts";

const test = suite("client/calls/typed-tools");
const credentials = makeCredentials("");

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Does not compile unless the type is `true`. */
function holds<_Claim extends true>(): void {}

type Demo = TypedTools<typeof DemoToolServiceDefinition>;
type System = TypedTools<typeof SystemToolServiceDefinition>;

test("the types tell job tools from sync tools by the job option", () => {
  holds<Equal<keyof Demo, "batchSum" | "startLongTask">>();
  holds<Equal<IsJob<(typeof DemoToolServiceDefinition)["methods"]["batchSum"]>, false>>();
  holds<Equal<IsJob<(typeof DemoToolServiceDefinition)["methods"]["startLongTask"]>, true>>();
  holds<Equal<ReturnType<Demo["batchSum"]>, Promise<BatchSumResponse>>>();
  holds<Equal<ReturnType<Demo["startLongTask"]>, Promise<JobHandle<StartLongTaskResponse>>>>();
  holds<Equal<ReturnType<Demo["startLongTask"]["resume"]>, JobHandle<StartLongTaskResponse>>>();
  holds<Equal<Awaited<ReturnType<JobHandle<StartLongTaskResponse>["result"]>>, StartLongTaskResponse>>();
});

test("the types leave streaming methods out", () => {
  holds<Equal<"watchJob" extends keyof System ? true : false, false>>();
  holds<Equal<ReturnType<System["pollJob"]>, Promise<PollJobResponse>>>();
});

test("the types take a request in part and refuse what it does not have", () => {
  type Input = Parameters<Demo["startLongTask"]>[0];
  const inPart: Input = { seconds: 3 };
  // @ts-expect-error a text is no number of seconds
  const wrongType: Input = { seconds: "3" };
  // @ts-expect-error there is no such field
  const unknownField: Input = { second: 3 };
  // @ts-expect-error unknown fields are for the decoder alone
  const internal: Input = { _unknownFields: {} };
  assert.equal([inPart, wrongType, unknownField, internal].length, 4);
});

test("the job option's key in a definition is that of the contract", () => {
  const extension = builtinImage().registry.getExtension("sealwire.v1.job");
  const lengthDelimited = 2;
  assert.is(((extension?.number ?? 0) << 3) | lengthDelimited, 404882);
  assert.ok(isJobMethod(DemoToolServiceDefinition.methods.startLongTask));
  assert.not(isJobMethod(DemoToolServiceDefinition.methods.batchSum));
  for (const method of Object.values(SystemToolServiceDefinition.methods)) assert.not(isJobMethod(method));
});

async function withPeer(
  behaviour: Behaviour,
  body: (client: SealwireClient, peer: SignedPeer) => Promise<void>,
): Promise<void> {
  await using peer = await startPeer(behaviour, { credentials });
  await using client = new SealwireClient({ credentials: peer.credentials });
  await body(client, peer);
}

test("a sync tool gives its output", async () => {
  await withPeer({ call: (received) => ok(credentials, received, sumResult) }, async (client, peer) => {
    const { batchSum } = client.tools(DemoToolServiceDefinition);
    const { count, total } = await batchSum({ numbers: [1, 2, 3.5] }, { requestId: "sum-1" });
    assert.equal([count, total], [3, 6.5]);
    const { envelope } = peer.calls[0] as Received;
    assert.is(envelope.tool, "batch_sum");
    assert.is(envelope.requestId, "sum-1");
    assert.is(envelope.args?.typeUrl, "type.googleapis.com/sealwire.demo.v1.BatchSumRequest");
  });
});

test("a sync tool's failure is thrown, and so is a result of another type", async () => {
  const failure = new SealwireError("TOOL_FAILED", "no");
  await withPeer(
    {
      call: (received, attempt) =>
        attempt === 1
          ? sign(credentials, received, response(received, { status: Status.ERROR, error: errorToMessage(failure) }))
          : ok(credentials, received, attempt === 2 ? taskOutput : { ...sumResult, value: Buffer.from([0xff]) }),
    },
    async (client) => {
      const { batchSum } = client.tools(DemoToolServiceDefinition);
      assert.is((await thrownBy(() => batchSum({ numbers: [1] }))).reason, "TOOL_FAILED");
      assert.match((await thrownBy(() => batchSum({ numbers: [1] }))).message, /StartLongTaskResponse where/);
      assert.match((await thrownBy(() => batchSum({ numbers: [1] }))).message, /does not decode/);
    },
  );
});

/** Accepts every job and succeeds at once. */
const accepting: Behaviour = {
  call: (received) => {
    const { requestId } = received.envelope;
    const job: Job = jobMessage({ requestId, state: JobState.QUEUED });
    return sign(credentials, received, response(received, { status: Status.ACCEPTED, job }));
  },
  watch: (received, reply) =>
    reply.send(jobFrame(credentials, received, { state: JobState.SUCCEEDED, revision: 2n }, { sequence: 1 })),
};

test("a job tool gives a handle, whose result is the output", async () => {
  await withPeer(accepting, async (client) => {
    const { startLongTask } = client.tools(DemoToolServiceDefinition);
    const handle = await startLongTask({ seconds: 1, payload: { done: true } });
    assert.is(handle.jobId, "job-1");
    assert.is(handle.latest?.state, "QUEUED");
    assert.equal((await handle.result()).payload, { done: true });
    assert.equal((await startLongTask.resume("job-1").result()).payload, { done: true });
  });
});

test("an answer about the job of another request or tool is refused", async () => {
  for (const wrong of [{ requestId: "other" }, { tool: "other" }]) {
    const behaviour: Behaviour = {
      call: (received) => {
        const { requestId } = received.envelope;
        const job = jobMessage({ requestId, state: JobState.QUEUED, ...wrong });
        return sign(credentials, received, response(received, { status: Status.ACCEPTED, job }));
      },
    };
    await withPeer(behaviour, async (client) => {
      const { startLongTask } = client.tools(DemoToolServiceDefinition);
      assert.is((await thrownBy(() => startLongTask({ seconds: 1 }))).reason, "RESPONSE_INVALID");
    });
  }
});

test.run();
