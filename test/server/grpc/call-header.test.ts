import { Metadata } from "@grpc/grpc-js";
import { ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import { type Response, Status } from "../../../gen/sealwire/v1/response.ts";
import { CALL_HEADER_METADATA, NO_HEADER, withCallHeader, writeCancelCall } from "../../../src/wire/call-header.ts";
import { CALL_STREAM_METHOD } from "../../../src/wire/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { HoldingTool } from "../../support/holding-tool.ts";
import { RawClient, type RawRequest, signRaw } from "../../support/raw-client.ts";
import type { RawStream } from "../../support/raw-stream.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TcpLink } from "../../support/tcp-link.ts";

const test = suite("server/grpc/call-header");

const INVALID_ARGUMENT = 3;
const UNAUTHENTICATED = 16;
const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

function reasonOf({ status, error }: Response): string | undefined {
  assert.is(status, Status.ERROR);
  return Object.entries(ErrorReason).find(([, number]) => number === error?.reason)?.[0];
}

/** A stream that asks for headers. */
function headed(client: RawClient): RawStream {
  const metadata = new Metadata();
  metadata.set(CALL_HEADER_METADATA, "1");
  return client.stream(metadata);
}

test("a source that the server sees differently is relayed, before anything is sent on the stream", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  assert.is(await headed(client).route, "relayed");
});

test("a stream that does not ask gets no answer of that kind, and headers end it", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const plain = client.stream();
  assert.is((await plain.call(IDENTITY)).ok, true);
  assert.is(await plain.route, undefined);
  void plain.call(IDENTITY, server.credentials(), { timeoutMs: 1_000 });
  assert.is((await plain.ended).code, UNAUTHENTICATED);
  const other = client.stream();
  await other.call(IDENTITY);
  other.cancelCall(1);
  assert.is((await other.ended).code, UNAUTHENTICATED);
});

test("a call that its caller cancels is answered CANCELLED, its signal aborts, and its place is free", async () => {
  const holding = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer({ ...holding.options, clients: { alice: { limits: { callsInFlight: 2 } } } });
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  const calls = [1, 2].map((number) => stream.call(holding.request(number)));
  await holding.untilBegun(2);
  stream.cancelCall(1);
  assert.is(reasonOf((await calls[0]) as Response), "CANCELLED");
  assert.is(holding.aborted.get(1), "CANCELLED");
  await eventually("there is room for another", async () => (await stream.call(IDENTITY)).ok);
  await holding.finish(2);
  assert.is((await calls[1])?.ok, true);
  assert.is(holding.aborted.has(2), false);
});

test("a cancellation of a call that has ended, or never was, is ignored", async () => {
  const holding = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer(holding.options);
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  stream.cancelCall(1);
  const held = stream.call(holding.request(1));
  assert.is((await stream.call(IDENTITY)).ok, true);
  for (const number of [2, 3, 2 ** 40, 0]) stream.cancelCall(number);
  assert.is((await stream.call(IDENTITY)).ok, true);
  await holding.finish(1);
  assert.is((await held).ok, true);
});

test("every cancelled call has one answer, however early the cancellation comes", async () => {
  const holding = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer(holding.options);
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  await stream.call(IDENTITY);
  const calls = Array.from({ length: 50 }, (_, i) => {
    const call = stream.call(holding.request(i));
    stream.cancelCall(i + 2);
    return call;
  });
  for (const answer of await Promise.all(calls)) assert.is(reasonOf(answer), "CANCELLED");
  assert.is(stream.answered.length, 51);
});

test("a call is cancelled although the stream has as many calls in flight as it may have", async () => {
  const holding = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer({ ...holding.options, limits: { callsPerStreamMax: 3 } });
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  const calls = [1, 2, 3].map((number) => stream.call(holding.request(number)));
  await holding.untilBegun(3);
  stream.cancelCall(2);
  assert.is(reasonOf((await calls[1]) as Response), "CANCELLED");
  for (const number of [1, 3]) await holding.finish(number);
  assert.ok((await Promise.all([calls[0], calls[2]])).every((answer) => answer?.ok));
});

test("a client that says it sends no more is answered all that it has sent", async () => {
  const holding = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer({ ...holding.options, limits: { callsPerStreamMax: 2 } });
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  const numbers = [1, 2, 3, 4, 5];
  const calls = numbers.map((number) => stream.call(holding.request(number)));
  stream.end();
  for (const number of numbers) await holding.finish(number);
  assert.ok((await Promise.all(calls)).every(({ ok }) => ok));
  assert.is((await stream.ended).code, 0);
});

test("a call ends after the time that its caller allows, where that is less than the server's limit", async () => {
  const holding = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer({ ...holding.options, limits: { callTimeoutMs: 1_000 } });
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  const byCaller = await stream.call(holding.request(1), server.credentials(), { timeoutMs: 300 });
  assert.is(reasonOf(byCaller), "DEADLINE_EXCEEDED");
  assert.match(byCaller.error?.message as string, "300 ms that its caller allows");
  assert.is(holding.aborted.get(1), "DEADLINE_EXCEEDED");
  const byServer = await stream.call(holding.request(2), server.credentials(), { timeoutMs: 60_000 });
  assert.match(byServer.error?.message as string, "1000 ms that a call may take");
  assert.is((await stream.call(IDENTITY)).ok, true);
});

test("each call has the trace context of its own header", async () => {
  const holding = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer(holding.options);
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  const headers = [{ traceparent: TRACE }, {}, { traceparent: "no such thing" }];
  const calls = headers.map((header, i) => stream.call(holding.request(i), server.credentials(), header));
  for (const number of [0, 1, 2]) await holding.finish(number);
  await Promise.all(calls);
  assert.equal(
    holding.traces.map(({ traceparent }) => traceparent),
    [TRACE, undefined, undefined],
  );
});

const MALFORMED: readonly [string, (frame: Buffer) => Buffer, string][] = [
  [
    "a time above a day",
    (frame) => withCallHeader(frame, { ...NO_HEADER, timeoutMs: 86_400_001 }),
    "header.timeout_ms",
  ],
  ["an unknown field", (frame) => Buffer.concat([frame, Buffer.from([0x22, 2, 0x20, 1])]), "header"],
  ["a cancellation", (frame) => Buffer.concat([frame, writeCancelCall(1)]), "cancel"],
];

for (const [what, damage, field] of MALFORMED) {
  test(`a request with ${what} ends the stream with INVALID_ARGUMENT, once the calls before it are answered`, async () => {
    const holding = new HoldingTool({ endsOnAbort: true });
    await using server = await startServer(holding.options);
    using client = new RawClient(server.address, server.credentials());
    const stream = headed(client);
    const held = stream.call(holding.request(1));
    await holding.untilBegun(1);
    stream.write(damage(signRaw(server.credentials(), { ...IDENTITY, method: CALL_STREAM_METHOD }).frame));
    await holding.finish(1);
    assert.is((await held).ok, true);
    const { code, reason, details } = await stream.ended;
    assert.equal([code, reason], [INVALID_ARGUMENT, "ENVELOPE_INVALID"]);
    assert.match(details, `The field ${field} of a message on the stream`);
  });
}

test("who sends cancellations alone must send a request in time nevertheless", async () => {
  await using server = await startServer({ limits: { requestTimeoutMs: 200 } });
  using client = new RawClient(server.address, server.credentials());
  const stream = headed(client);
  const writing = setInterval(() => stream.cancelCall(1), 5);
  assert.is((await stream.ended).reason, "DEADLINE_EXCEEDED");
  clearInterval(writing);
});

test("a plain TCP relay shows as another port", async () => {
  await using server = await startServer();
  await using link = await TcpLink.to(Number(server.address.split(":").at(-1)));
  using client = new RawClient(`127.0.0.1:${link.port}`, server.credentials());
  assert.is(await headed(client).route, "relayed");
});

test.run();
