import { Status } from "../../../gen/sealwire/v1/response.ts";
import { RefusedFrameCache } from "../../../src/server/request/refused-frame-cache.ts";
import { CALL_STREAM_METHOD } from "../../../src/wire/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { RawClient, type RawRequest, signRaw } from "../../support/raw-client.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../../support/test-service.ts";

const test = suite("server/request/refused-frame-cache");

function counted(): { readonly options: object; readonly ran: number[] } {
  const ran: number[] = [];
  const run = ([number = 0]: number[]): number => ran.push(number);
  const { tools, descriptors } = testService({ Count: { run } });
  return { options: { tools: [tools], descriptors: [descriptors] }, ran };
}

const count = (number: number, more: Partial<RawRequest> = {}): RawRequest => ({
  tool: "count",
  type: TEST_INPUT,
  value: testArgs(number),
  ...more,
});

test("a frame that was refused for the rate is not carried out when it is sent again", async () => {
  const clock = new FakeClock(Date.now());
  const { options, ran } = counted();
  const limits = { callsPerSecond: 1, burst: 1 };
  await using server = await startServer({ clock, clients: { alice: { limits } }, ...options });
  const credentials = server.credentials();
  using client = new RawClient(server.address, credentials);
  assert.is((await client.call(count(1))).code, 0);
  const frame = signRaw(credentials, count(2));
  assert.is((await client.send(frame)).reason, "RATE_LIMITED");
  clock.advance(5_000);
  const again = await client.send(frame);
  assert.is(again.reason, "REPLAYED");
  assert.match(again.details, "refused before");
  assert.equal(ran, [1]);
  // It cost the key nothing, and the same intent signed anew is carried out.
  assert.is((await client.call(count(2, { requestId: frame.requestId }))).code, 0);
  assert.equal(ran, [1, 2]);
});

test("a frame that was refused for calls in flight is not carried out later, on a call stream neither", async () => {
  const release = Promise.withResolvers<number>();
  const ran: number[] = [];
  const service = testService({
    Hold: { idempotent: true, run: () => release.promise },
    Count: { run: ([number = 0]) => ran.push(number) },
  });
  await using server = await startServer({
    clients: { alice: { limits: { callsInFlight: 1 } } },
    tools: [service.tools],
    descriptors: [service.descriptors],
  });
  const credentials = server.credentials();
  using client = new RawClient(server.address, credentials);
  const held = client.call({ tool: "hold", type: TEST_INPUT, value: testArgs(1) });
  const unary = await eventually("the place is taken", async () => {
    const frame = signRaw(credentials, { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" });
    return (await client.send(frame)).reason === "QUOTA_EXCEEDED" && frame;
  });
  const stream = client.stream();
  const streamed = signRaw(credentials, { ...count(3), method: CALL_STREAM_METHOD });
  assert.is((await stream.send(streamed)).error?.code, 8);
  release.resolve(1);
  await held;
  assert.is((await client.send(unary)).reason, "REPLAYED");
  assert.is((await stream.send(streamed)).status, Status.ERROR);
  assert.equal(ran, []);
});

test("above 10,000 refused frames of a key, frames stamped up to then are refused, and those signed later are not", async () => {
  const clock = new FakeClock(Date.now());
  const { options, ran } = counted();
  const limits = { callsPerSecond: 1, burst: 1 };
  await using server = await startServer({ clock, clients: { alice: { limits }, bob: {} }, ...options });
  const credentials = server.credentials();
  using client = new RawClient(server.address, credentials);
  assert.is((await client.call(count(0, { tsMs: clock.nowMs() }))).code, 0);
  const stream = client.stream();
  const signed = (number: number, tsMs: number) =>
    signRaw(credentials, { ...count(number, { tsMs }), method: CALL_STREAM_METHOD });
  const before = clock.nowMs();
  clock.advance(5);
  const flood = Array.from({ length: 10_001 }, (_, i) => signed(i, clock.nowMs()));
  for (let i = 0; i < flood.length; i += 500) await Promise.all(flood.slice(i, i + 500).map((f) => stream.send(f)));
  clock.advance(5_000);
  const sent = async (frame: ReturnType<typeof signed>): Promise<string> => {
    const { error } = await stream.send(frame);
    return error === undefined ? "" : `${error.reason} ${error.retryable} ${error.message}`;
  };
  for (const frame of [flood[0], flood[5_000], flood.at(-1)]) {
    assert.match(await sent(frame as NonNullable<typeof frame>), /^\d+ (true So many frames|false This frame)/);
  }
  // Never sent before, but nobody can tell: its signer signs anew, and that is accepted.
  assert.match(await sent(signed(1, before)), /true So many frames .* sign anew/);
  assert.is(await sent(signed(1, clock.nowMs())), "");
  assert.equal(ran, [0, 1]);
  using other = new RawClient(server.address, server.credentials("bob"));
  assert.is((await other.call(count(2, { tsMs: before }))).code, 0);
});

test("what is remembered is bounded over all keys, and forgotten when its time has passed by every clock", () => {
  const clock = new FakeClock();
  const refused = new RefusedFrameCache({ clock, maxAgeMs: 300_000, maxAheadMs: 60_000 });
  const frame = (number: number) => ({ nonce: Buffer.from(String(number).padStart(16, "0")), tsMs: clock.nowMs() });
  const isRefused = (key: string, number: number, tsMs: number): boolean => {
    try {
      refused.check(key, { ...frame(number), tsMs });
      return false;
    } catch {
      return true;
    }
  };
  const stampMs = clock.nowMs();
  for (let key = 0; key < 30; key++) for (let i = 0; i < 5_000; i++) refused.add(`key ${key}`, frame(i));
  assert.ok(refused.size <= 100_000);
  for (let key = 0; key < 30; key++) assert.ok(isRefused(`key ${key}`, 17, stampMs));
  assert.not(isRefused("key 31", 17, stampMs));
  assert.not(isRefused("key 29", 17_000, stampMs + 1));
  // A wall clock that is set ahead forgets nothing: set back, it would accept what was refused.
  clock.step(600_000);
  assert.ok(isRefused("key 3", 17, stampMs));
  clock.advance(360_001);
  for (let key = 0; key < 30; key++) assert.not(isRefused(`key ${key}`, 17, stampMs));
  assert.is(refused.size, 0);
});

test("frames from far ahead that were refused do not shut out those of today", () => {
  const clock = new FakeClock();
  const refused = new RefusedFrameCache({ clock, maxAgeMs: 300_000, maxAheadMs: 60_000 });
  const nonce = (number: number) => Buffer.from(String(number).padStart(16, "0"));
  const aheadMs = clock.nowMs() + 3_600_000;
  for (let i = 0; i <= 10_000; i++) refused.add("key", { nonce: nonce(i), tsMs: aheadMs + (i % 100) });
  refused.check("key", { nonce: nonce(20_000), tsMs: clock.nowMs() });
  let thrown: unknown;
  try {
    refused.check("key", { nonce: nonce(20_000), tsMs: aheadMs + 50 });
  } catch (error) {
    thrown = error;
  }
  assert.match(String(thrown), "sign anew");
});

test.run();
