import { connect, constants } from "node:http2";
import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { createMetrics } from "../../src/server/metrics/metrics.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { framed, openCall } from "../support/http-call.ts";
import { type RawAnswer, RawClient, type RawRequest, signRaw } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

const test = suite("server/overdue");

/** A tool that heeds no signal: each call returns its number when the test says so. */
class Deaf {
  readonly options;
  running = 0;
  readonly #open: (() => void)[] = [];

  constructor(idempotent: boolean) {
    const run = ([number = 0]: number[]): Promise<number> => {
      this.running += 1;
      return new Promise((resolve) => {
        this.#open.push(() => {
          this.running -= 1;
          resolve(number);
        });
      });
    };
    const { tools, descriptors } = testService({
      Deaf: { idempotent, run },
      Other: { idempotent: true, run: () => 1 },
    });
    this.options = { tools: [tools], descriptors: [descriptors] };
  }

  /** The handler that began first returns. */
  returnOne(): void {
    this.#open.shift()?.();
  }
}

function request(number: number, requestId?: string): RawRequest {
  return { tool: "deaf", type: TEST_INPUT, value: testArgs(number), ...(requestId !== undefined && { requestId }) };
}

function total({ responses }: RawAnswer): number | undefined {
  const result = responses[0]?.result;
  return result && BatchSumResponse.decode(result.value).total;
}

/** Makes a call and leaves as soon as its handler runs. */
async function abandon(server: TestServer, deaf: Deaf, number: number): Promise<void> {
  const before = deaf.running;
  const session = connect(`http://${server.address}`);
  const call = openCall(session, CALL_METHOD);
  call.on("error", () => {});
  call.end(framed(signRaw(server.credentials(), request(number)).frame));
  await eventually("the handler runs", () => deaf.running > before);
  call.close(constants.NGHTTP2_CANCEL);
  await new Promise((resolve) => call.once("close", resolve));
  session.destroy();
}

test("a call whose caller has left is in flight until its handler returns", async () => {
  const deaf = new Deaf(true);
  await using server = await startServer({ clients: { alice: { limits: { callsInFlight: 2 } } }, ...deaf.options });
  using client = new RawClient(server.address, server.credentials());
  for (const number of [1, 2]) await abandon(server, deaf, number);
  // The server may learn a little later that the callers have left; it must not count the calls less then.
  for (let i = 0; i < 20; i++) assert.is((await client.call(request(3))).reason, "QUOTA_EXCEEDED");
  assert.is(deaf.running, 2);
  deaf.returnOne();
  await eventually("there is room again", async () => (await client.call(IDENTITY)).code === 0);
  deaf.returnOne();
});

test("a call that took too long is in flight until its handler returns, on a call stream, too", async () => {
  const deaf = new Deaf(true);
  await using server = await startServer({
    clients: { alice: { limits: { callsInFlight: 2 } } },
    limits: { callTimeoutMs: 30 },
    ...deaf.options,
  });
  using client = new RawClient(server.address, server.credentials());
  const stream = client.stream();
  assert.is((await stream.call(request(1))).error?.code, 4);
  assert.is((await client.call(request(2))).reason, "DEADLINE_EXCEEDED");
  assert.is((await client.call(IDENTITY)).reason, "QUOTA_EXCEEDED");
  assert.is((await stream.call(IDENTITY)).error?.code, 8);
  for (let i = 0; i < 2; i++) deaf.returnOne();
  await eventually("there is room again", async () => (await client.call(IDENTITY)).code === 0);
});

test("the intent of a handler that does not return is unknown after the grace, and a late outcome takes its place", async () => {
  const deaf = new Deaf(false);
  const clock = new FakeClock(Date.now());
  const limits = { callTimeoutMs: 60_000, cancelGraceMs: 10_000 };
  await using server = await startServer({ clock, limits, ...deaf.options });
  using client = new RawClient(server.address, server.credentials());
  const repeat = (): Promise<RawAnswer> => client.call(request(7, "r1"));
  const first = repeat();
  await eventually("the handler runs", () => deaf.running === 1);
  clock.advance(60_000);
  assert.is((await first).reason, "DEADLINE_EXCEEDED");
  clock.advance(9_999);
  assert.is((await repeat()).reason, "REQUEST_IN_PROGRESS");
  clock.advance(1);
  await eventually("its outcome is unknown", async () => (await repeat()).reason === "OUTCOME_UNKNOWN");
  assert.is(deaf.running, 1);
  deaf.returnOne();
  await eventually("its outcome is known", async () => total(await repeat()) === 7);
});

test("a tool with 8 handlers that do not return is unavailable until one returns, and a metric tells", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  const metrics = await createMetrics({ store, clock: systemClock });
  const deaf = new Deaf(true);
  await using server = await startServer({
    store,
    observers: [metrics.observer],
    limits: { callTimeoutMs: 30, cancelGraceMs: 30 },
    ...deaf.options,
  });
  using client = new RawClient(server.address, server.credentials());
  const overdue = async (): Promise<string | undefined> =>
    /^sealwire_overdue_handlers\{tool="deaf"\} (\d+)$/m.exec(await metrics.text())?.[1];
  await Promise.all(Array.from({ length: 8 }, (_, i) => client.call(request(i))));
  await eventually("the metric has all 8", async () => (await overdue()) === "8");
  const refused = await client.call(request(9));
  assert.is(refused.reason, "UNAVAILABLE");
  assert.match(refused.details, '8 calls of "deaf" were cut off');
  assert.ok(refused.responses[0]?.error?.retryable);
  assert.ok(refused.responses[0]?.error?.retryDelay !== undefined);
  assert.is(deaf.running, 8);
  assert.is((await client.call({ ...request(1), tool: "other" })).code, 0);
  deaf.returnOne();
  await eventually("the metric has 7", async () => (await overdue()) === "7");
  assert.is((await client.call(request(9))).reason, "DEADLINE_EXCEEDED");
  while (deaf.running > 0) deaf.returnOne();
  await eventually("the metric has none", async () => (await overdue()) === "0");
});

test("a server that shuts down does not wait for handlers whose calls were stopped", async () => {
  const deaf = new Deaf(false);
  await using server = await startServer({ limits: { callTimeoutMs: 30, cancelGraceMs: 30 }, ...deaf.options });
  using client = new RawClient(server.address, server.credentials());
  // On a busy machine the time may pass before the handler begins.
  await eventually("the handler runs", async () => {
    assert.is((await client.call(request(1))).reason, "DEADLINE_EXCEEDED");
    return deaf.running > 0;
  });
  await server.server.drain(60_000);
  assert.is(deaf.running, 1);
  deaf.returnOne();
});

test.run();
