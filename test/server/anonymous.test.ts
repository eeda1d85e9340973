import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { HealthCheckRequest } from "../../gen/grpc/health/v1/health.ts";
import { ServerReflectionRequest } from "../../gen/grpc/reflection/v1/reflection.ts";
import { framed, openCall, statusOf } from "../support/http-call.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

const CHECK = "/grpc.health.v1.Health/Check";
const WATCH = "/grpc.health.v1.Health/Watch";
const REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;
const EMPTY = framed(HealthCheckRequest.encode({ service: "" }).finish());

const test = suite("server/anonymous");

/** A watch that has had its first answer. */
async function watch(session: ClientHttp2Session) {
  const stream = openCall(session, WATCH);
  const status = statusOf(stream);
  status.catch(() => {});
  stream.end(EMPTY);
  await Promise.race([once(stream, "data"), status]);
  return { stream, status };
}

function check(session: ClientHttp2Session): Promise<number> {
  const stream = openCall(session, CHECK);
  stream.end(EMPTY);
  return statusOf(stream);
}

test("as many watches as there may be leave Check alone, and a further one is refused", async () => {
  await using server = await startServer({ limits: { anonymousCallsMax: 20 } });
  const sessions = Array.from({ length: 3 }, () => connect(`http://${server.address}`));
  const [first, second, third] = sessions as [ClientHttp2Session, ClientHttp2Session, ClientHttp2Session];
  for (const session of [first, second]) for (let i = 0; i < 10; i += 1) await watch(session);
  assert.is(await (await watch(third)).status, RESOURCE_EXHAUSTED);
  for (const session of sessions) assert.is(await check(session), 0);
  const silent = Array.from({ length: 200 }, () => openCall(first, CHECK));
  for (const stream of silent) stream.on("error", () => {});
  assert.is(await check(first), 0);
  for (const session of sessions) session.destroy();
});

test("a connection has only so many watches and reflection streams, and may open others when those have ended", async () => {
  await using server = await startServer({ limits: { anonymousCallsPerConnectionMax: 2 } });
  const [session, other] = [connect(`http://${server.address}`), connect(`http://${server.address}`)];
  const { stream } = await watch(session);
  await watch(session);
  assert.is(await (await watch(session)).status, RESOURCE_EXHAUSTED);
  assert.is(await statusOf(openCall(session, REFLECTION)), RESOURCE_EXHAUSTED);
  await watch(other);
  stream.close();
  await new Promise((resolve) => session.ping(resolve));
  await watch(session);
  session.destroy();
  other.destroy();
});

test("watches and reflection streams end at their age", async () => {
  await using server = await startServer({ limits: { anonymousCallTimeoutMs: 50 } });
  const session = connect(`http://${server.address}`);
  assert.is(await (await watch(session)).status, UNAVAILABLE);
  assert.is(await statusOf(openCall(session, REFLECTION)), UNAVAILABLE);
  session.destroy();
});

test("a check that does not arrive is given up, and one that is too large is refused before it comes", async () => {
  await using server = await startServer({ limits: { requestTimeoutMs: 50 } });
  const session = connect(`http://${server.address}`);
  assert.is(await statusOf(openCall(session, CHECK)), 4);
  const endless = openCall(session, CHECK);
  endless.write(EMPTY);
  assert.is(await statusOf(endless), 4);
  for (const method of [CHECK, WATCH, REFLECTION]) {
    const stream = openCall(session, method);
    stream.write(Buffer.of(0, 0, 1, 0, 0, 1));
    assert.is(await statusOf(stream), RESOURCE_EXHAUSTED, method);
  }
  session.destroy();
});

test("reflection answers all that is asked at first, and a connection that asks on as fast as its rate allows", async () => {
  await using server = await startServer();
  const session = connect(`http://${server.address}`);
  const stream = openCall(session, REFLECTION);
  const ask = ServerReflectionRequest.encode({
    host: "",
    messageRequest: { $case: "fileContainingSymbol", value: "sealwire.v1.ToolService" },
  }).finish();
  let received = 0;
  stream.on("data", (bytes: Buffer) => {
    received += bytes.length;
  });
  for (let i = 0; i < 200; i += 1) stream.write(framed(ask));
  const startMs = performance.now();
  while (received < 3 * 1024 * 1024) await once(stream, "data");
  const seconds = (performance.now() - startMs) / 1000;
  assert.ok(seconds > 1.5, `3 MiB in ${seconds} s`);
  session.destroy();
});

test.run();
