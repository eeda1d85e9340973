import { once } from "node:events";
import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { PollJobRequest } from "../../gen/sealwire/system/v1/poll_job.ts";
import { DEFAULT_KEY_LIMITS } from "../../src/signing/key-ring/types.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { openCall, statusOf } from "../support/http-call.ts";
import { type RawAnswer, RawClient, type RawRequest } from "../support/raw-client.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const LONG_TASK: RawRequest = {
  tool: "start_long_task",
  type: "sealwire.demo.v1.StartLongTaskRequest",
  value: StartLongTaskRequest.encode({ seconds: 20, payload: {} }).finish(),
};

const test = suite("server/limits");

function poll(jobId: string, waitMs: number): RawRequest {
  const value = PollJobRequest.encode({ jobId, waitMs, afterRevision: 1_000_000n, includeAttempts: false }).finish();
  return { tool: "poll_job", type: "sealwire.system.v1.PollJobRequest", value };
}

test("a key that calls too fast is told when to try again", async () => {
  await using server = await startServer({ clients: { alice: { limits: { callsPerSecond: 1, burst: 2 } } } });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).code, 0);
  assert.is((await client.call(IDENTITY)).code, 0);
  const { code, reason, responses } = await client.call(IDENTITY);
  assert.is(code, 8);
  assert.is(reason, "RATE_LIMITED");
  const delay = responses[0]?.error?.retryDelay;
  assert.ok(delay !== undefined && Number(delay.seconds) * 1000 + delay.nanos / 1e6 <= 1000);
});

test("a request counts as a call for each 64 KiB begun, and one above the burst is let in with what there is", async () => {
  const clock = new FakeClock(Date.now());
  const limits = { callsPerSecond: 4, burst: 4 };
  await using server = await startServer({ clock, clients: { alice: { limits } } });
  using client = new RawClient(server.address, server.credentials());
  const sized = (bytes: number): Promise<RawAnswer> => client.call({ ...IDENTITY, value: Buffer.alloc(bytes) });
  const reached = (answer: RawAnswer): boolean => answer.reason === "ARGS_INVALID";
  assert.ok(reached(await sized(60 * 1024)));
  assert.ok(reached(await sized(150 * 1024)));
  assert.is((await client.call(IDENTITY)).reason, "RATE_LIMITED");
  clock.advance(500);
  const refused = await sized(150 * 1024);
  assert.is(refused.reason, "RATE_LIMITED");
  assert.match(refused.details, "counts as 3 calls, one for each 64 KiB; try again in 250 ms");
  clock.advance(500);
  // 1 MiB costs 16: it takes the burst of 4, and 12 more are paid off before the next call, which comes after the last of
  // the 3 that a caller was told to wait for.
  assert.ok(reached(await sized(1_040_000)));
  const delay = (await client.call(IDENTITY)).responses[0]?.error?.retryDelay;
  assert.is(delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6, 3500);
  clock.advance(3250);
  assert.is((await client.call(IDENTITY)).code, 0);
});

test("callers that come too fast are told to come one after another, for as long as they may come", async () => {
  const clock = new FakeClock(Date.now());
  const limits = { callsPerSecond: 10, burst: 1 };
  await using server = await startServer({ clock, clients: { alice: { limits } } });
  using client = new RawClient(server.address, server.credentials());
  const told = async (): Promise<number> => {
    const delay = (await client.call(IDENTITY)).responses[0]?.error?.retryDelay;
    return delay === undefined ? 0 : Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  };
  assert.equal([await told(), await told(), await told(), await told()], [0, 100, 200, 300]);
  clock.advance(100);
  assert.equal([await told(), await told()], [0, 300], "a token goes to whoever comes; another caller comes last");
  clock.advance(10_000);
  assert.equal([await told(), await told()], [0, 100], "who did not come back is forgotten");
  for (let call = 0; call < 400; call += 1) await told();
  assert.is(await told(), 30_100, "half a minute is the most that others add");
});

test("a key with the usual limits may send 1 MiB now and then", async () => {
  await using server = await startServer({ clients: { alice: { limits: DEFAULT_KEY_LIMITS } } });
  using client = new RawClient(server.address, server.credentials());
  const payload = { text: "a".repeat(1_040_000) };
  const value = StartLongTaskRequest.encode({ seconds: 1, payload }).finish();
  for (let i = 0; i < 5; i++) assert.is((await client.call({ ...LONG_TASK, value })).code, 0);
});

test("arguments with too many elements are refused by the field that holds them", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const list = (count: number): RawRequest => {
    const payload = { list: Array.from({ length: count }, () => true) };
    return { ...LONG_TASK, value: StartLongTaskRequest.encode({ seconds: 1, payload }).finish() };
  };
  // The request, the Struct, its entry, the Value in it and its ListValue count, too.
  assert.is((await client.call(list(99_995))).code, 0);
  const refused = await client.call(list(99_996));
  assert.is(refused.reason, "ARGS_INVALID");
  const violations = refused.responses[0]?.error?.violations ?? [];
  assert.equal(
    violations.map(({ field, ruleId }) => [field, ruleId]),
    [["payload.fields.value.list_value.values", "wire.strict"]],
  );
  assert.match(violations[0]?.message ?? "", "more than 100000 messages");
});

test("a replayed frame costs its victim nothing", async () => {
  await using server = await startServer({ clients: { alice: { limits: { callsPerSecond: 1, burst: 2 } } } });
  using client = new RawClient(server.address, server.credentials());
  const nonce = new Uint8Array(16).fill(7);
  const tsMs = Date.now();
  assert.is((await client.call({ ...IDENTITY, nonce, tsMs })).code, 0);
  for (let i = 0; i < 5; i++) assert.is((await client.call({ ...IDENTITY, nonce, tsMs })).reason, "REPLAYED");
  assert.is((await client.call(IDENTITY)).code, 0);
});

test("a key has only so many calls in flight, and may call again when one has ended", async () => {
  const gate = Promise.withResolvers<number>();
  const service = testService({ Hold: { idempotent: true, run: () => gate.promise } });
  await using server = await startServer({
    clients: { alice: { limits: { callsInFlight: 1 } } },
    tools: [service.tools],
    descriptors: [service.descriptors],
  });
  using client = new RawClient(server.address, server.credentials());
  const held = client.call({ tool: "hold", type: TEST_INPUT, value: testArgs(1) });
  let refused = await client.call(IDENTITY);
  while (refused.code === 0) refused = await client.call(IDENTITY);
  assert.is(refused.reason, "QUOTA_EXCEEDED");
  gate.resolve(1);
  assert.is((await held).code, 0);
  assert.is((await client.call(IDENTITY)).code, 0);
});

test("a key has only so many open jobs", async () => {
  await using server = await startServer({ clients: { alice: { limits: { openJobs: 1 } } } });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(LONG_TASK)).code, 0);
  assert.is((await client.call(LONG_TASK)).reason, "QUOTA_EXCEEDED");
});

test("a long-poll counts as an open watch", async () => {
  await using server = await startServer({ clients: { alice: { limits: { openWatches: 1 } } } });
  using client = new RawClient(server.address, server.credentials());
  const jobId = (await client.call(LONG_TASK)).responses[0]?.job?.jobId ?? "";
  const waiting = client.call(poll(jobId, 1000));
  let refused = await client.call(poll(jobId, 10));
  while (refused.code === 0) refused = await client.call(poll(jobId, 10));
  assert.is(refused.reason, "QUOTA_EXCEEDED");
  assert.is((await waiting).code, 0);
  assert.is((await client.call(poll(jobId, 1))).code, 0);
});

test("a long-poll is no call in flight while it waits", async () => {
  await using server = await startServer({ clients: { alice: { limits: { callsInFlight: 1, openWatches: 2 } } } });
  using client = new RawClient(server.address, server.credentials());
  const jobId = (await client.call(LONG_TASK)).responses[0]?.job?.jobId ?? "";
  let isAnswered = false;
  const waiting = client.call(poll(jobId, 45_000)).finally(() => {
    isAnswered = true;
  });
  let beside = await client.call(IDENTITY);
  while (beside.code !== 0) beside = await client.call(IDENTITY);
  assert.not(isAnswered);
  await server.server.drain();
  assert.is((await waiting).code, 0);
});

test("a call that takes too long is answered DEADLINE_EXCEEDED, and its handler told to stop", async () => {
  const stopped = Promise.withResolvers<string>();
  const service = testService({
    Hang: {
      idempotent: true,
      run: (_numbers, { signal }) =>
        new Promise(() => signal.addEventListener("abort", () => stopped.resolve(String(signal.reason.reason)))),
    },
  });
  await using server = await startServer({
    tools: [service.tools],
    descriptors: [service.descriptors],
    limits: { callTimeoutMs: 50 },
  });
  using client = new RawClient(server.address, server.credentials());
  const answer = await client.call({ tool: "hang", type: TEST_INPUT, value: testArgs(1) });
  assert.is(answer.reason, "DEADLINE_EXCEEDED");
  assert.is(await stopped.promise, "DEADLINE_EXCEEDED");
});

test("a request that does not arrive whole in time is given up, and its room given to the next", async () => {
  await using server = await startServer({
    limits: { requestTimeoutMs: 100, unverifiedBytesMax: 1024 * 1024 },
  });
  const session = connect(`http://${server.address}`);
  const stream = openCall(session, CALL_METHOD);
  stream.write(Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]));
  using client = new RawClient(server.address, server.credentials());
  const waiting = client.call(IDENTITY);
  assert.is(await statusOf(stream), 4);
  assert.is((await waiting).code, 0);
  session.destroy();
});

test("connections beyond the limit are closed", async () => {
  await using server = await startServer({ limits: { connectionsMax: 1 } });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).code, 0);
  const [host, port] = server.address.split(":");
  const socket = connectSocket({ host: host as string, port: Number(port) });
  socket.on("error", () => {});
  await once(socket, "close");
  assert.is((await client.call(IDENTITY)).code, 0);
});

test("without TLS the server listens on this machine only", async () => {
  await using server = await startServer();
  for (const address of ["0.0.0.0:0", "[::]:0"]) {
    const error = await server.server.listen(address).catch((thrown: unknown) => thrown);
    assert.match(String(error), "--insecure");
  }
});

test.run();
