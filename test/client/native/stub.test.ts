import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials as grpcCredentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { HealthClient } from "../../../gen/grpc/health/v1/health.ts";
import { BatchSumRequest, type BatchSumResponse } from "../../../gen/sealwire/demo/v1/batch_sum.ts";
import { DemoToolServiceClient } from "../../../gen/sealwire/demo/v1/demo_tool_service.ts";
import type { StartLongTaskResponse } from "../../../gen/sealwire/demo/v1/start_long_task.ts";
import { SystemToolServiceClient } from "../../../gen/sealwire/system/v1/system_tool_service.ts";
import type { ToolPins } from "../../../src/client/pins/tool-pins.ts";
import { SealwireError } from "../../../src/errors.ts";
import { demoTools } from "../../../src/tools/demo-tools.ts";
import { COUNT, countingService, progressOf } from "../../support/counting-service.ts";
import { eventually } from "../../support/eventually.ts";
import { startServer, type TestServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

/* Ordinary stubs of grpc-js whose calls are signed. The cases of test/interop/clients run through them, too. */
const test = suite("client/native/stub");

let server: TestServer;
let demo: DemoToolServiceClient;
test.before(async () => {
  const counting = countingService({
    async *run(numbers) {
      for (const [index] of numbers.entries()) {
        yield { progress: progressOf(index + 1, numbers.length) };
        await sleep(100);
      }
      yield { count: numbers.length };
    },
  });
  server = await startServer({ tools: [demoTools(), ...counting.tools], descriptors: counting.descriptors });
  demo = server.client().stub(DemoToolServiceClient);
});
test.after(async () => {
  demo?.close();
  await server?.[Symbol.asyncDispose]();
});

interface Outcome<T> {
  readonly error: ServiceError | null;
  readonly response: T;
}

function batchSum(numbers: number[], metadata = new Metadata(), stub = demo): Promise<Outcome<BatchSumResponse>> {
  return new Promise((resolve) => {
    stub.batchSum({ numbers }, metadata, (error, response) => resolve({ error, response }));
  });
}

test("a call is answered", async () => {
  const { error, response } = await batchSum([1, 2, 3.5]);
  assert.equal([error, response.count, response.total], [null, 3, 6.5]);
});

test("a call of a tool whose definition is not the accepted one has certainly not begun", async () => {
  const pins: ToolPins = { check: async () => ({ kind: "changed", pinned: "0".repeat(64), difference: [] }) };
  const stub = server.client(undefined, { pins }).stub(DemoToolServiceClient);
  const error = await new Promise<ServiceError | null>((resolve) => {
    stub.startLongTask({ seconds: 1, payload: undefined }, resolve);
  });
  stub.close();
  // The outcome of a call with side effects that may have begun would be UNKNOWN.
  assert.is(error?.code, status.FAILED_PRECONDITION);
  assert.is((error?.cause as SealwireError | undefined)?.reason, "TOOL_CHANGED");
});

test("a refusal is a ServiceError whose cause is the SealwireError", async () => {
  const { error } = await batchSum([1, Number.NaN]);
  assert.is(error?.code, status.INVALID_ARGUMENT);
  const cause = error?.cause;
  assert.instance(cause, SealwireError);
  assert.equal(
    (cause as SealwireError).violations.map(({ field }) => field),
    ["numbers[1]"],
  );
  assert.is(error?.metadata.get("sealwire-request-id").length, 1);
});

test("metadata names the intent, and is checked", async () => {
  const metadata = new Metadata();
  metadata.set("sealwire-request-id", "two words");
  const { error } = await batchSum([1], metadata);
  assert.is(error?.code, status.INVALID_ARGUMENT);
  assert.match(String(error?.details), "sealwire-request-id");
});

test("a call of a job tool waits for the output, and names the job before", async () => {
  const metadata = Promise.withResolvers<Metadata>();
  const output = new Promise<StartLongTaskResponse>((resolve, reject) => {
    const call = demo.startLongTask({ seconds: 1, payload: { a: "b" } }, (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
    call.on("metadata", metadata.resolve);
  });
  const [jobId] = (await metadata.promise).get("sealwire-job-id");
  const { state } = await server.client().job(String(jobId)).poll();
  assert.is.not(state, "SUCCEEDED");
  assert.equal((await output).payload, { a: "b" });
});

test("a streaming job method tells its progress, then its output", async () => {
  const { interceptor } = server.client();
  const stub = new Client("unused", grpcCredentials.createInsecure(), { interceptors: [interceptor] });
  const encode = (numbers: number[]): Buffer => Buffer.from(BatchSumRequest.encode({ numbers }).finish());
  const stream = stub.makeServerStreamRequest("/test.v1.CountingService/CountUp", encode, (bytes) => bytes, [1, 2, 3]);
  const messages: Buffer[] = [];
  for await (const message of stream) messages.push(message);
  assert.ok(messages.length > 1);
  assert.is(COUNT.decode(messages.at(-1) as Buffer).count, 3);
  stub.close();
});

test("a deadline and a cancel end the waiting", async () => {
  const end = (deadline: number, cancel: boolean): Promise<ServiceError | null> =>
    new Promise((resolve) => {
      const call = demo.startLongTask({ seconds: 20, payload: undefined }, new Metadata(), { deadline }, resolve);
      if (cancel) call.on("metadata", () => call.cancel());
    });
  const late = await end(Date.now() + 300, false);
  assert.is(late?.code, status.DEADLINE_EXCEEDED);
  const cancelled = await end(Date.now() + 20_000, true);
  assert.is(cancelled?.code, status.CANCELLED);
  assert.is(cancelled?.metadata.get("sealwire-job-id").length, 1);
});

test("a job is cancelled with its call if the call says so", async () => {
  const metadata = new Metadata();
  metadata.set("sealwire-cancel-on-abandon", "true");
  const jobId = await new Promise<string>((resolve) => {
    const call = demo.startLongTask({ seconds: 20, payload: undefined }, metadata, () => {});
    call.on("metadata", (received) => {
      call.cancel();
      resolve(String(received.get("sealwire-job-id")[0]));
    });
  });
  const job = server.client().job(jobId);
  await eventually("the job is cancelled", async () => (await job.poll()).state === "CANCELLED");
});

test("a method that is no tool is UNIMPLEMENTED", async () => {
  const error = await new Promise<ServiceError | null>((resolve) => {
    demo.makeUnaryRequest(
      "/test.v1.Absent/Go",
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      Buffer.alloc(0),
      resolve,
    );
  });
  assert.is(error?.code, status.UNIMPLEMENTED);
  assert.match(String(error?.details), "sealwire.demo.v1.DemoToolService/BatchSum");
});

test("client streaming is refused", async () => {
  const error = await new Promise<ServiceError | null>((resolve) => {
    const bytes = (message: Buffer): Buffer => message;
    const stream = demo.makeClientStreamRequest("/sealwire.demo.v1.DemoToolService/BatchSum", bytes, bytes, resolve);
    stream.write(Buffer.alloc(0));
    stream.write(Buffer.alloc(0));
    stream.end();
  });
  assert.is(error?.code, status.UNIMPLEMENTED);
});

test("system tools are signed, health is passed through", async () => {
  await using client = server.client();
  const system = client.stub(SystemToolServiceClient);
  const health = client.stub(HealthClient);
  const identity = await new Promise((resolve, reject) => {
    system.serverIdentity({}, (error, response) => (error === null ? resolve(response.serverId) : reject(error)));
  });
  assert.is(identity, "test-server");
  const serving = await new Promise((resolve, reject) => {
    health.check({ service: "" }, (error, response) => (error === null ? resolve(response.status) : reject(error)));
  });
  assert.is(serving, 1);
  system.close();
  health.close();
});

test("a watch of a stub is that of the system tool, and ends when it is left", async () => {
  await using client = server.client();
  const system = client.stub(SystemToolServiceClient);
  const { job } = await client.call("start_long_task", { seconds: 20 });
  const states: string[] = [];
  const watch = system.watchJob({ jobId: String(job?.jobId), afterRevision: 0n, heartbeatIntervalMs: 0 });
  for await (const { job: state } of watch) {
    states.push(String(state?.jobId));
    break;
  }
  assert.equal(states, [job?.jobId]);
  await client.job(String(job?.jobId)).cancel();
  system.close();
});

test("calls of a closed client end", async () => {
  const client = server.client();
  const stub = client.stub(DemoToolServiceClient);
  assert.is((await batchSum([1], new Metadata(), stub)).error, null);
  client.close();
  assert.is((await batchSum([1], new Metadata(), stub)).error?.code, status.CANCELLED);
  stub.close();
});

test.run();
