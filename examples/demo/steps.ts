import { randomBytes, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { BatchSumRequest } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { type SealwireClient, SealwireError } from "../../src/index.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { signRequest } from "../../src/signing/request/sign.ts";
import { CALL_METHOD, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { sendFrame } from "./raw-call.ts";
import type { Finding } from "./report.ts";

/** The context of the steps. */
export interface Session {
  readonly client: SealwireClient;
  readonly credentials: ClientCredentials;
  readonly address: string;
}

/** One step of the demo. `run` throws if the step fails. */
export interface Step {
  readonly title: string;
  run(session: Session): Promise<Finding>;
}

const PAYLOAD = { invoice: 1042, tags: ["paid", "süß", "𝄞"], nested: { ok: true, none: null } };

/** The steps in order. They are independent of each other. */
export const STEPS: readonly Step[] = [
  {
    title: "server_identity: who answers, and can it prove it?",
    async run({ client }) {
      const { serverId, fingerprint, capabilities } = await client.identity();
      const { async = false, stateless = false } = capabilities ?? {};
      expectEqual([async, stateless], [true, true]);
      return {
        outcome: "the answer is signed and its fingerprint is the one in the credentials",
        shown: { server_id: serverId, fingerprint, capabilities: { async, stateless } },
      };
    },
  },
  {
    title: "batch_sum: a signed call with a signed answer",
    async run({ client }) {
      const numbers = [1, 2, 3.5];
      const { output } = await client.call("batch_sum", { numbers });
      const result = await output?.json();
      expectEqual(result, { count: 3, total: 6.5 });
      return { outcome: "summed up", shown: { numbers, result } };
    },
  },
  {
    title: "batch_sum with an empty list: input that fails validation",
    async run({ client }) {
      const error = await refusal(client.call("batch_sum", { numbers: [] }));
      expectEqual(error.reason, "ARGS_INVALID");
      const violations = error.violations.map(({ field, message }) => `${field}: ${message}`);
      return { outcome: `refused with ${error.reason}, signed`, shown: { violations } };
    },
  },
  {
    title: "start_long_task: accepted as a job, polled until it is done",
    async run({ client }) {
      const { status, job } = await client.call("start_long_task", { seconds: 1, payload: PAYLOAD });
      expectEqual(status, "ACCEPTED");
      if (job === undefined) throw new Error("the answer names no job");
      const handle = client.job(job.jobId);
      const states: string[] = [job.state];
      for (let revision = job.revision; states.at(-1) !== "SUCCEEDED"; revision = handle.latest?.revision ?? 0) {
        const { state } = await handle.poll({ waitMs: 5_000, afterRevision: revision });
        if (state !== states.at(-1)) states.push(state);
        if (state === "FAILED" || state === "CANCELLED") throw new Error(`the job is ${state}`);
      }
      const output = await (await handle.result()).json();
      expectEqual(output, { payload: PAYLOAD });
      return { outcome: "the payload came back unchanged", shown: { job: job.jobId, states, output } };
    },
  },
  {
    title: "start_long_task: watched to its end",
    async run({ client }) {
      const handle = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 2, payload: {} });
      const seen: string[] = [];
      let revision = 0;
      for await (const job of handle.watch()) {
        if (job.revision <= revision) throw new Error(`revision ${job.revision} came after ${revision}`);
        revision = job.revision;
        const { completed = 0, total = 0 } = job.progress ?? {};
        seen.push(total > 0 ? `${job.state} ${Math.floor((100 * completed) / total)} %` : job.state);
      }
      expectEqual(handle.latest?.state, "SUCCEEDED");
      return { outcome: "every change came by itself, the last one is the end", shown: { job: handle.jobId, seen } };
    },
  },
  {
    title: "cancel_job: a job of 20 seconds, cancelled while it runs",
    async run({ client }) {
      const handle = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 20, payload: {} });
      for await (const { state } of handle.watch()) if (state === "RUNNING") break;
      await handle.cancel();
      const error = await refusal(handle.result());
      expectEqual([error.reason, handle.latest?.state], ["CANCELLED", "CANCELLED"]);
      return { outcome: "cancelled", shown: { job: handle.jobId, state: handle.latest?.state } };
    },
  },
  {
    title: "A tampered request: one bit of a signed frame flipped on the way",
    async run(session) {
      const frame = signBatchSum(session);
      const position = Math.floor(frame.length / 2);
      frame.writeUInt8(frame.readUInt8(position) ^ 1, position);
      const outcome = await sendFrame(session.address, CALL_METHOD, frame);
      expectEqual(outcome, { status: "UNAUTHENTICATED", reason: "SIGNATURE_INVALID" });
      return { outcome: "refused before anything in it was read", shown: { flipped_byte: position, ...outcome } };
    },
  },
  {
    title: "A replayed request: the same signed bytes sent twice",
    async run(session) {
      const frame = signBatchSum(session);
      const first = await sendFrame(session.address, CALL_METHOD, frame);
      const second = await sendFrame(session.address, CALL_METHOD, frame);
      expectEqual([first.status, second.status, second.reason], ["OK", "ALREADY_EXISTS", "REPLAYED"]);
      return { outcome: "served once, then refused", shown: { first: first.status, second } };
    },
  },
];

/** Signs a valid call and returns its bytes without sending them. */
function signBatchSum({ credentials }: Session): Buffer {
  const args = BatchSumRequest.encode({ numbers: [1, 2, 3.5] }).finish();
  return signRequest({
    method: CALL_METHOD,
    clientId: credentials.clientId,
    keyId: credentials.keyId,
    requestKey: credentials.requestKey,
    serverId: credentials.serverId,
    requestId: randomUUID(),
    tool: "batch_sum",
    args: { typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumRequest`, value: args },
    tsMs: Date.now(),
    nonce: randomBytes(16),
  }).frame;
}

/** Resolves to the error of a refused call. */
async function refusal(call: Promise<unknown>): Promise<SealwireError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof SealwireError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

function expectEqual(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}
