import { Metadata } from "@grpc/grpc-js";
import type { JobSnapshot } from "../../src/client/jobs/job-snapshot.ts";
import { SealwireError } from "../../src/errors.ts";
import type { Logger } from "../../src/runtime/logger.ts";
import type { ToolContext } from "../../src/tools/handler.ts";
import { RawClient } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";
import { traceProcess } from "./traced.ts";

/* What a collector receives of jobs. */
const test = suite("tracing/jobs");

const [PRODUCER, CONSUMER] = [4, 5];
const STATE = "vendor=some";

const ARGS = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };

/** A handler that writes one line. */
function logOnce(_numbers: number[], { logger }: ToolContext): number {
  logger.info({}, "built");
  return 0;
}

/** A logger that keeps its lines. */
function recordingLogger(lines: Record<string, unknown>[], bound: object = {}): Logger {
  const add = (fields: object, msg: string): void => void lines.push({ ...bound, ...fields, msg });
  const child = (bindings: object): Logger => recordingLogger(lines, { ...bound, ...bindings });
  return { debug: add, info: add, warn: add, error: add, child };
}

/** A job at its end. */
async function ended(server: TestServer, jobId: string): Promise<JobSnapshot> {
  const handle = server.client().job(jobId);
  await handle.result();
  return await handle.poll();
}

/** Runs a job whose first attempt fails, and returns the trace contexts of its attempts. */
async function runTwice(start: (tool: ReturnType<typeof testService>) => Promise<TestServer>): Promise<string[]> {
  const seen: string[] = [];
  const service = testService({
    Build: {
      job: { maxAttempts: 2, initialBackoff: { seconds: 0n, nanos: 1_000_000 } },
      run: (_numbers, { attempt, traceparent }) => {
        seen.push(traceparent ?? "");
        if (attempt === 1) throw new SealwireError("TOOL_FAILED", "the secret text", { retryable: true });
        return 0;
      },
    },
  });
  await using server = await start(service);
  const client = server.client();
  const args = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };
  const { job } = await client.call("build", args);
  await client.job(job?.jobId ?? "").result();
  return seen;
}

test("a job is submitted in the call's trace, and each attempt is a trace of its own that is linked to it", async () => {
  await using traced = await traceProcess();
  const seen = await runTwice(({ tools, descriptors }) => startServer({ tools: [tools], descriptors: [descriptors] }));
  await traced.flush();
  const { spans, bytes } = traced.collector;
  const submitted = spans.find(({ name }) => name === "submit_job build");
  assert.is(submitted?.kind, PRODUCER);
  const call = spans.find(({ spanId }) => spanId === submitted?.parentId);
  assert.equal([call?.name, call?.traceId], ["sealwire.v1.ToolService/Call", submitted?.traceId]);
  const attempts = spans.filter(({ name, kind }) => name === "execute_tool build" && kind === CONSUMER);
  attempts.sort((one, two) => Number(one.attributes["sealwire.attempt"]) - Number(two.attributes["sealwire.attempt"]));
  assert.equal(
    attempts.map(({ attributes, isError, parentId }) => [attributes["sealwire.attempt"], isError, parentId]),
    [
      [1, true, ""],
      [2, false, ""],
    ],
  );
  assert.is(new Set([...attempts, submitted].map((span) => span?.traceId)).size, 3);
  for (const { links, attributes } of attempts) {
    assert.equal(
      links.map(({ traceId, spanId }) => [traceId, spanId]),
      [[submitted?.traceId, submitted?.spanId]],
    );
    assert.is(attributes["sealwire.job.id"], submitted?.attributes["sealwire.job.id"]);
  }
  assert.equal(
    seen,
    attempts.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
  );
  assert.is(bytes.includes("the secret text"), false);
});

test("with child traces, the attempts belong to the trace of the call", async () => {
  await using traced = await traceProcess();
  await runTwice(({ tools, descriptors }) =>
    startServer({ tools: [tools], descriptors: [descriptors], tracing: { jobTraces: "child" } }),
  );
  await traced.flush();
  const { spans } = traced.collector;
  const submitted = spans.find(({ name }) => name === "submit_job build");
  const attempts = spans.filter(({ kind }) => kind === CONSUMER);
  assert.equal(
    attempts.map(({ traceId, parentId }) => [traceId, parentId]),
    [1, 2].map(() => [submitted?.traceId, submitted?.spanId]),
  );
});

test("the tracestate of a call is kept with its job", async () => {
  await using traced = await traceProcess();
  const { tools, descriptors } = testService({ Build: { job: {}, run: () => 0 } });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  const client = server.client();
  using raw = new RawClient(server.address, server.credentials());
  const metadata = new Metadata();
  metadata.set("traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`);
  metadata.set("tracestate", STATE);
  const { responses } = await raw.call({ tool: "build", type: TEST_INPUT, value: testArgs(1) }, metadata);
  await client.job(responses[0]?.job?.jobId ?? "").result();
  await traced.flush();
  const attempt = traced.collector.spans.find(({ kind }) => kind === CONSUMER);
  assert.equal(
    attempt?.links.map(({ traceId, tracestate }) => [traceId, tracestate]),
    [["a".repeat(32), STATE]],
  );
});

test("a job names the trace of its submission, and the lines of its attempts that of the attempt", async () => {
  await using traced = await traceProcess();
  const lines: Record<string, unknown>[] = [];
  const { tools, descriptors } = testService({ Build: { job: {}, run: logOnce } });
  await using server = await startServer({
    tools: [tools],
    descriptors: [descriptors],
    logger: recordingLogger(lines),
  });
  const { job } = await server.client().call("build", ARGS);
  const { traceId } = await ended(server, job?.jobId ?? "");
  await traced.flush();
  const { spans } = traced.collector;
  assert.is(traceId, spans.find(({ name }) => name === "submit_job build")?.traceId);
  const attempt = spans.find(({ kind }) => kind === CONSUMER);
  const [line] = lines.filter(({ msg }) => msg === "built");
  assert.equal([line?.trace_id, line?.span_id], [attempt?.traceId, attempt?.spanId]);
  assert.equal([line?.job_id, line?.attempt, line?.tool, line?.client], [job?.jobId, 1, "build", "alice"]);
});

test("without traces, the lines of a job's attempts have the trace of the call that the caller named", async () => {
  const lines: Record<string, unknown>[] = [];
  const { tools, descriptors } = testService({ Build: { job: {}, run: logOnce } });
  await using server = await startServer({
    tools: [tools],
    descriptors: [descriptors],
    logger: recordingLogger(lines),
  });
  for (const traceparent of [`00-${"a".repeat(32)}-${"b".repeat(16)}-01`, undefined]) {
    const { job } = await server.client().call("build", ARGS, traceparent === undefined ? {} : { traceparent });
    await ended(server, job?.jobId ?? "");
  }
  const built = lines.filter(({ msg }) => msg === "built");
  assert.equal(
    built.map(({ trace_id, span_id }) => [trace_id, span_id]),
    [
      ["a".repeat(32), undefined],
      [undefined, undefined],
    ],
  );
});

test("one watch is one span of the server, however many states it sends", async () => {
  await using traced = await traceProcess();
  await runTwice(({ tools, descriptors }) => startServer({ tools: [tools], descriptors: [descriptors] }));
  await traced.flush();
  const watches = traced.collector.spans.filter(({ name }) => name === "sealwire.v1.ToolService/WatchJob");
  const [served, ...more] = watches.filter(({ kind }) => kind === 2);
  assert.is(more.length, 0);
  assert.ok(watches.some(({ kind, spanId }) => kind === 3 && spanId === served?.parentId));
});

test.run();
