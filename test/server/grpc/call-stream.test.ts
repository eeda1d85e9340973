import { once } from "node:events";
import { connect } from "node:http2";
import { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { BatchSumRequest, BatchSumResponse } from "../../../gen/sealwire/demo/v1/batch_sum.ts";
import { StartLongTaskRequest } from "../../../gen/sealwire/demo/v1/start_long_task.ts";
import { PollJobRequest, PollJobResponse } from "../../../gen/sealwire/system/v1/poll_job.ts";
import { ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import { type Response, Status } from "../../../gen/sealwire/v1/response.ts";
import type { CallRecord } from "../../../src/server/request/access-log.ts";
import { CALL_METHOD, CALL_STREAM_METHOD } from "../../../src/wire/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { HoldingTool } from "../../support/holding-tool.ts";
import { framed, openCall, statusOf } from "../../support/http-call.ts";
import { RawClient, type RawRequest, signRaw } from "../../support/raw-client.ts";
import { removeClient, startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const UNAUTHENTICATED = 16;
const UNAVAILABLE = 14;
const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const LONG_TASK: RawRequest = {
  tool: "start_long_task",
  type: "sealwire.demo.v1.StartLongTaskRequest",
  value: StartLongTaskRequest.encode({ seconds: 1, payload: { a: 1 } }).finish(),
};

const test = suite("server/grpc/call-stream");

function sum(...numbers: number[]): RawRequest {
  const value = BatchSumRequest.encode({ numbers }).finish();
  return { tool: "batch_sum", type: "sealwire.demo.v1.BatchSumRequest", value };
}

function totalOf({ result }: Response): number {
  return BatchSumResponse.decode(result?.value ?? new Uint8Array()).total;
}

function reasonOf({ ok, status, error }: Response): string | undefined {
  assert.is(ok, false);
  assert.is(status, Status.ERROR);
  return Object.entries(ErrorReason).find(([, number]) => number === error?.reason)?.[0];
}

test("many calls share a stream, each verified, run and signed by itself", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => stream.call(sum(i, 0.5))));
  assert.equal(
    answers.map(totalOf),
    Array.from({ length: 500 }, (_, i) => i + 0.5),
  );
  assert.ok(answers.every(({ status, sequence }) => status === Status.OK && sequence === 0n));
  stream.end();
  assert.is((await stream.ended).code, 0);
});

test("calls are answered when they are done, not in the order in which they came", async () => {
  const holding = new HoldingTool();
  await using server = await startServer(holding.options);
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const calls = [0, 1, 2].map((number) => stream.call({ ...holding.request(number), requestId: `r-${number}` }));
  for (const number of [2, 0, 1]) {
    await holding.finish(number);
    assert.is(totalOf((await calls[number]) as Response), number);
  }
  assert.equal(stream.answered, ["r-2", "r-0", "r-1"]);
});

test("one stream carries calls of several clients, each under its own key", async () => {
  await using server = await startServer({ clients: { alice: {}, bob: { tools: [] } } });
  using client = new RawClient(server.address, server.credentials("alice"));
  const stream = client.stream();
  assert.is(totalOf(await stream.call(sum(1, 2))), 3);
  assert.is(reasonOf(await stream.call(sum(1, 2), server.credentials("bob"))), "TOOL_FORBIDDEN");
  assert.is((await stream.call(IDENTITY, server.credentials("bob"))).ok, true);
});

const REFUSED: [string, RawRequest, string][] = [
  ["that is too old", { ...IDENTITY, tsMs: Date.now() - 310_000 }, "CLOCK_SKEW"],
  ["for another server", { ...IDENTITY, serverId: "another" }, "AUDIENCE_MISMATCH"],
  ["in another client's name", { ...IDENTITY, clientId: "bob" }, "CLIENT_MISMATCH"],
  ["of an unknown tool", { ...IDENTITY, tool: "no_such_tool" }, "TOOL_FORBIDDEN"],
  ["with bad arguments", sum(Number.NaN), "ARGS_INVALID"],
  ["for a job that there is not", poll("absent", 0), "JOB_NOT_FOUND"],
  ["for watch_job", { tool: "watch_job", type: "sealwire.system.v1.WatchJobRequest" }, "TOOL_RPC_MISMATCH"],
];

for (const [what, request, reason] of REFUSED) {
  test(`a call ${what} is refused with ${reason} in a signed answer, and the stream goes on`, async () => {
    await using server = await startServer();
    using client = new RawClient(server.address, server.credentials());
    const stream = client.stream();
    assert.is(reasonOf(await stream.call(request)), reason);
    assert.is(totalOf(await stream.call(sum(4))), 4);
  });
}

test("a frame is accepted once, on one stream, on two, and for one RPC only", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const frame = signRaw(server.credentials(), { ...sum(1), method: CALL_STREAM_METHOD });
  assert.is((await stream.send(frame)).ok, true);
  assert.is(reasonOf(await stream.send(frame)), "REPLAYED");
  assert.is(reasonOf(await client.stream().send(frame)), "REPLAYED");
  assert.is((await client.send({ ...frame, method: CALL_METHOD })).reason, "SIGNATURE_INVALID");
  const other = client.stream();
  other.write(signRaw(server.credentials(), { ...sum(1), method: CALL_METHOD }).frame);
  assert.is((await other.ended).code, UNAUTHENTICATED);
});

test("a job is started and polled through a stream", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const accepted = await stream.call({ ...LONG_TASK, requestId: "job-1" });
  assert.is(accepted.status, Status.ACCEPTED);
  assert.is((await stream.call({ ...LONG_TASK, requestId: "job-1" })).job?.jobId, accepted.job?.jobId);
  let revision = 0n;
  for (;;) {
    const answer = await stream.call(poll(accepted.job?.jobId ?? "", 10_000, revision));
    revision = PollJobResponse.decode(answer.result?.value ?? new Uint8Array()).job?.revision ?? 0n;
    if (answer.status === Status.DONE) break;
  }
});

function poll(jobId: string, waitMs: number, afterRevision = 0n): RawRequest {
  const value = PollJobRequest.encode({ jobId, waitMs, afterRevision, includeAttempts: false }).finish();
  return { tool: "poll_job", type: "sealwire.system.v1.PollJobRequest", value };
}

test("polls that wait hold up no other call of the stream", async () => {
  await using server = await startServer({ work: false, limits: { callsPerStreamMax: 2 } });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const jobId = (await stream.call(LONG_TASK)).job?.jobId ?? "";
  const polls = Array.from({ length: 20 }, () => stream.call(poll(jobId, 45_000, 1_000n)));
  for (let i = 0; i < 5; i++) assert.is(totalOf(await stream.call(sum(i))), i);
  assert.is(stream.answered.length, 6, "none of the polls is answered yet");
  await server.server.drain();
  assert.is((await Promise.all(polls)).length, 20);
});

test("any flipped bit of a frame ends the stream alike, unsigned", async () => {
  await using server = await startServer({ limits: { canonicalRetriesPerSecond: 1_000_000 } });
  using client = new RawClient(server.address, server.credentials());
  const whole = signRaw(server.credentials(), { ...sum(1, 2, 3.5), method: CALL_STREAM_METHOD });
  const { frame } = whole;
  const ends = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.nat(frame.length * 8 - 1), fc.boolean(), async (bit, isFirst) => {
      const stream = client.stream();
      if (!isFirst) await stream.call(sum(1));
      const damaged = Uint8Array.from(frame);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      stream.write(damaged);
      ends.add(JSON.stringify(await stream.ended));
      assert.is(stream.answered.length, isFirst ? 0 : 1);
    }),
    { numRuns: 120 },
  );
  assert.equal(
    [...ends].map((text) => JSON.parse(text)).map(({ code, reason, isSigned }) => [code, reason, isSigned]),
    [[UNAUTHENTICATED, "SIGNATURE_INVALID", false]],
  );
  assert.is((await client.stream().send(whole)).ok, true, "the whole frame is accepted afterwards");
});

test("a frame that cannot be authenticated ends the stream once the calls before it are answered", async () => {
  const holding = new HoldingTool();
  await using server = await startServer(holding.options);
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const held = stream.call(holding.request(1));
  await holding.untilBegun(1);
  const { frame } = signRaw(
    { ...server.credentials(), keyId: "k_unknown" },
    { ...IDENTITY, method: CALL_STREAM_METHOD },
  );
  stream.write(frame);
  const after = stream.call(IDENTITY);
  await eventually("the server goes on", async () => (await client.call(IDENTITY)).code === 0);
  await holding.finish(1);
  assert.is(totalOf(await held), 1);
  assert.is((await stream.ended).code, UNAUTHENTICATED);
  assert.match(String(await after.catch((error: unknown) => error)), "unanswered");
});

test("a revoked key ends the stream with its next frame, but not its calls in flight", async () => {
  const holding = new HoldingTool();
  await using server = await startServer({ ...holding.options, clients: { alice: {}, bob: {} } });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const held = stream.call(holding.request(1));
  await holding.untilBegun(1);
  removeClient(server, "alice");
  assert.is((await stream.call(IDENTITY, server.credentials("bob"))).ok, true, "other keys still hold");
  stream.write(signRaw(server.credentials("alice"), { ...IDENTITY, method: CALL_STREAM_METHOD }).frame);
  await holding.finish(1);
  assert.is(totalOf(await held), 1);
  assert.is((await stream.ended).reason, "SIGNATURE_INVALID");
});

test("a draining server answers the calls in flight and then ends the stream with UNAVAILABLE", async () => {
  const holding = new HoldingTool();
  await using server = await startServer(holding.options);
  using client = new RawClient(server.address, server.credentials());
  const idle = client.stream();
  assert.is((await idle.call(IDENTITY)).ok, true);
  const busy = client.stream();
  const held = busy.call(holding.request(7));
  await holding.untilBegun(7);
  const drained = server.server.drain();
  assert.equal(await idle.ended, { ...(await idle.ended), code: UNAVAILABLE, reason: "DRAINING" });
  await holding.finish(7);
  assert.is(totalOf(await held), 7);
  assert.is((await busy.ended).code, UNAVAILABLE);
  await drained;
});

test("a call that does not end within the grace of a shutdown is answered DRAINING", async () => {
  const holding = new HoldingTool();
  await using server = await startServer(holding.options);
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const held = stream.call(holding.request(1));
  await holding.untilBegun(1);
  await server.server.drain(50);
  assert.is(reasonOf(await held), "DRAINING");
  assert.is((await stream.ended).code, UNAVAILABLE);
});

test("a stream at its maximum age takes no more calls, answers those in flight and ends with UNAVAILABLE", async () => {
  const holding = new HoldingTool();
  await using server = await startServer({ ...holding.options, limits: { watchTimeoutMs: 300 } });
  using client = new RawClient(server.address, server.credentials());
  const idle = client.stream();
  const busy = client.stream();
  await idle.call(IDENTITY);
  const held = busy.call(holding.request(1));
  assert.is((await idle.ended).reason, "WATCH_EXPIRED");
  await holding.finish(1);
  assert.is(totalOf(await held), 1);
  assert.equal(await busy.ended, { ...(await busy.ended), code: UNAVAILABLE, reason: "WATCH_EXPIRED" });
});

test("a call that takes too long is answered DEADLINE_EXCEEDED, its handler told, and the stream goes on", async () => {
  const holding = new HoldingTool();
  await using server = await startServer({ ...holding.options, limits: { callTimeoutMs: 200 } });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  assert.is(reasonOf(await stream.call(holding.request(1))), "DEADLINE_EXCEEDED");
  assert.equal([...holding.aborted.values()], ["DEADLINE_EXCEEDED"]);
  assert.is((await stream.call(IDENTITY)).ok, true);
});

test("a caller who goes away stops the calls of the stream, and gives their places back", async () => {
  const holding = new HoldingTool();
  await using server = await startServer({ ...holding.options, clients: { alice: { limits: { callsInFlight: 2 } } } });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  void stream.call(holding.request(1));
  void stream.call(holding.request(2));
  await holding.untilBegun(2);
  stream.cancel();
  await eventually("both are told", () => holding.aborted.size === 2);
  assert.equal([...holding.aborted.values()], ["CANCELLED", "CANCELLED"]);
  for (const number of [1, 2]) await holding.finish(number);
  const next = client.stream();
  const held = [3, 4].map((number) => next.call(holding.request(number)));
  for (const number of [3, 4]) await holding.finish(number);
  assert.equal((await Promise.all(held)).map(totalOf), [3, 4]);
});

test("rate and calls in flight are limited per key and call, with signed refusals", async () => {
  const holding = new HoldingTool();
  const limits = { callsInFlight: 2, callsPerSecond: 1, burst: 5 };
  await using server = await startServer({ ...holding.options, clients: { alice: { limits }, bob: {} } });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const held = [1, 2].map((number) => stream.call(holding.request(number)));
  await holding.untilBegun(2);
  const refused = await stream.call(IDENTITY);
  assert.is(reasonOf(refused), "QUOTA_EXCEEDED");
  assert.ok(refused.error?.retryDelay !== undefined);
  assert.is((await stream.call(IDENTITY, server.credentials("bob"))).ok, true, "another key has limits of its own");
  for (const number of [1, 2]) await holding.finish(number);
  await Promise.all(held);
  const reasons = [];
  for (let i = 0; i < 4; i++) {
    const answer = await stream.call(IDENTITY);
    reasons.push(answer.ok ? "OK" : reasonOf(answer));
  }
  assert.equal(reasons, ["OK", "OK", "OK", "RATE_LIMITED"]);
});

test("with as many calls in flight as a stream may have, the next one is not read before one has ended", async () => {
  const holding = new HoldingTool();
  await using server = await startServer({ ...holding.options, limits: { callsPerStreamMax: 3 } });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  const numbers = Array.from({ length: 10 }, (_, i) => i);
  const calls = numbers.map((number) => stream.call(holding.request(number)));
  await holding.untilBegun(2);
  for (let i = 0; i < 20; i++) await client.call(IDENTITY);
  assert.equal(holding.begun, [0, 1, 2]);
  for (const number of numbers) {
    await holding.finish(number);
    await calls[number];
    assert.ok(holding.begun.length <= number + 4);
  }
  assert.is(holding.begun.length, 10);
});

test("a key has only so many call streams, and may open another when one has ended", async () => {
  await using server = await startServer({ limits: { callStreamsPerKeyMax: 1 }, clients: { alice: {}, bob: {} } });
  using client = new RawClient(server.address, server.credentials());
  const first = client.stream();
  assert.is((await first.call(IDENTITY)).ok, true);
  const second = client.stream();
  assert.is(reasonOf(await second.call(IDENTITY)), "QUOTA_EXCEEDED");
  assert.equal(await second.ended, { ...(await second.ended), code: 8, reason: "QUOTA_EXCEEDED" });
  assert.is((await client.stream().call(IDENTITY, server.credentials("bob"))).ok, true);
  first.end();
  await first.ended;
  await eventually("there is room for another", async () => (await client.stream().call(IDENTITY)).ok);
});

test("a stream without a first frame is given up in time, and its room given to the next request", async () => {
  await using server = await startServer({ limits: { requestTimeoutMs: 100, unverifiedBytesMax: 1024 * 1024 } });
  using client = new RawClient(server.address, server.credentials());
  const frame = signRaw(server.credentials(), { ...sum(1), method: CALL_STREAM_METHOD });
  const trusted = client.stream();
  assert.is((await trusted.send(frame)).ok, true);
  const silent = client.stream();
  const waiting = client.call(IDENTITY);
  assert.is((await silent.ended).reason, "DEADLINE_EXCEEDED");
  assert.is((await waiting).code, 0);
  const replaying = client.stream();
  assert.is(reasonOf(await replaying.send(frame)), "REPLAYED");
  assert.is((await replaying.ended).reason, "DEADLINE_EXCEEDED", "a replayed frame buys no trust");
  assert.is((await trusted.call(IDENTITY)).ok, true, "who is trusted takes no room while he is silent");
});

test("metadata beyond 16 KiB ends a stream at once", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const metadata = new Metadata();
  for (const key of ["a", "b", "c"]) metadata.set(key, "x".repeat(6000));
  assert.equal(await client.stream(metadata).ended.then(({ code, reason }) => [code, reason]), [8, "QUOTA_EXCEEDED"]);
});

test("every call of a stream is in log and metrics by itself, a bad frame too", async () => {
  const seen: [string, string | undefined, string | undefined, string, number][] = [];
  let started = 0;
  const observer = {
    callStarted: () => {
      started += 1;
    },
    callEnded: ({ method, tool, requestId, reason }: CallRecord, code: number) =>
      void seen.push([method, tool, requestId, reason, code]),
  };
  await using server = await startServer({ observers: [observer] });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  await stream.call({ ...IDENTITY, requestId: "r-1" });
  await stream.call({ ...sum(Number.NaN), requestId: "r-2" });
  stream.write(Buffer.from("garbage"));
  await stream.ended;
  assert.equal(seen, [
    [CALL_STREAM_METHOD, "server_identity", "r-1", "", 0],
    [CALL_STREAM_METHOD, "batch_sum", "r-2", "ARGS_INVALID", 3],
    [CALL_STREAM_METHOD, undefined, undefined, "SIGNATURE_INVALID", UNAUTHENTICATED],
  ]);
  assert.is(started, 3);
});

test("a reader who does not read stops his own calls, and neither the connection nor the server's memory grows", async () => {
  await using server = await startServer({ limits: { callsPerStreamMax: 8 } });
  const session = connect(`http://${server.address}`);
  const deaf = openCall(session, CALL_STREAM_METHOD);
  deaf.pause();
  const listTools = { tool: "list_tools", type: "sealwire.system.v1.ListToolsRequest", value: Buffer.from([8, 1]) };
  const frames = 1_000;
  for (let i = 0; i < frames; i++) {
    deaf.write(framed(signRaw(server.credentials(), { ...listTools, method: CALL_STREAM_METHOD }).frame));
  }
  await once(deaf, "response");
  const lively = openCall(session, CALL_METHOD);
  lively.end(framed(signRaw(server.credentials(), IDENTITY).frame));
  assert.is(await statusOf(lively), 0, "other calls of the connection go on");
  assert.ok(deaf.writableLength > (frames * 200) / 2, "most frames are still with the client");
  let bytes = 0;
  deaf.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  deaf.resume();
  deaf.end();
  await once(deaf, "end");
  assert.ok(bytes > frames * 1000, "once he reads, everything is answered");
  session.destroy();
});

test.run();
