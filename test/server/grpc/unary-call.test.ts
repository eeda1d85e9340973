import { once } from "node:events";
import { type ClientHttp2Session, connect, type Settings } from "node:http2";
import { StartLongTaskRequest } from "../../../gen/sealwire/demo/v1/start_long_task.ts";
import { WatchJobRequest } from "../../../gen/sealwire/system/v1/watch_job.ts";
import type { CallRecord } from "../../../src/server/request/access-log.ts";
import { CALL_METHOD, WATCH_JOB_METHOD } from "../../../src/wire/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { framed, openCall, statusOf } from "../../support/http-call.ts";
import { RawClient, type RawRequest, signRaw } from "../../support/raw-client.ts";
import { removeClient, startServer, type TestServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../../support/test-service.ts";

const OK = 0;
const CANCELLED = 1;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;
const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const LONG_TASK: RawRequest = {
  tool: "start_long_task",
  type: "sealwire.demo.v1.StartLongTaskRequest",
  value: StartLongTaskRequest.encode({ seconds: 20, payload: {} }).finish(),
};
/** Reads nothing that is not headers, until it says otherwise. */
const DEAF: Settings = { initialWindowSize: 0 };
const HEARING: Settings = { initialWindowSize: 65_535 };

const test = suite("server/grpc/unary-call");

/** Records how calls end. */
class Endings {
  readonly seen: [string | undefined, number][] = [];
  #open = 0;

  callStarted(): void {
    this.#open += 1;
  }

  callEnded({ tool }: CallRecord, code: number): void {
    this.#open -= 1;
    this.seen.push([tool, code]);
  }

  get open(): number {
    return this.#open;
  }
}

async function connected(server: TestServer, settings: Settings = {}): Promise<ClientHttp2Session & Disposable> {
  const session = connect(`http://${server.address}`, { settings });
  await once(session, "remoteSettings");
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

function signed(server: TestServer, request: RawRequest): Buffer {
  return framed(signRaw(server.credentials(), request).frame);
}

function watchOf(jobId: string): RawRequest {
  const value = WatchJobRequest.encode(WatchJobRequest.fromPartial({ jobId, heartbeatIntervalMs: 100 })).finish();
  return { tool: "watch_job", type: "sealwire.system.v1.WatchJobRequest", method: WATCH_JOB_METHOD, value };
}

for (const method of [CALL_METHOD, WATCH_JOB_METHOD]) {
  test(`${method} without a message is answered UNIMPLEMENTED`, async () => {
    const endings = new Endings();
    await using server = await startServer({ observers: [endings] });
    using session = await connected(server);
    const call = openCall(session, method);
    call.end();
    assert.is(await statusOf(call), UNIMPLEMENTED);
    assert.equal(endings.seen, [[undefined, UNIMPLEMENTED]]);
  });
}

test("a second message of a unary call is not read", async () => {
  const endings = new Endings();
  await using server = await startServer({ observers: [endings] });
  using session = await connected(server);
  const call = openCall(session, CALL_METHOD);
  call.end(Buffer.concat([signed(server, IDENTITY), signed(server, IDENTITY)]));
  assert.is(await statusOf(call), OK);
  assert.equal(endings.seen, [["server_identity", OK]]);
});

test("a call is answered whether its caller half-closes or not, and takes up no place afterwards", async () => {
  await using server = await startServer({ clients: { alice: { limits: { callsInFlight: 1 } } } });
  using session = await connected(server);
  for (let i = 0; i < 3; i++) {
    const call = openCall(session, CALL_METHOD);
    call.write(signed(server, IDENTITY));
    assert.is(await statusOf(call), OK);
  }
});

test("a caller who goes away while the tool runs stops it, and gives its place back", async () => {
  const running = Promise.withResolvers<AbortSignal>();
  const { tools, descriptors } = testService({
    Hang: {
      idempotent: true,
      run: (_numbers, { signal }) => {
        running.resolve(signal);
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve(0)));
      },
    },
  });
  const endings = new Endings();
  const limits = { callsInFlight: 1 };
  await using server = await startServer({
    clients: { alice: { limits } },
    observers: [endings],
    tools: [tools],
    descriptors: [descriptors],
  });
  using session = await connected(server);
  const call = openCall(session, CALL_METHOD);
  call.end(signed(server, { tool: "hang", type: TEST_INPUT, value: testArgs(1) }));
  const signal = await running.promise;
  call.close();
  await eventually("the tool is told", () => signal.aborted);
  assert.equal(endings.seen, [["hang", CANCELLED]]);
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).code, OK);
});

test("an answer that is not read keeps the place of its call, until it is read or the caller goes away", async () => {
  const endings = new Endings();
  await using server = await startServer({
    clients: { alice: { limits: { callsInFlight: 2 } } },
    observers: [endings],
  });
  using session = await connected(server, DEAF);
  const calls = [1, 2].map(() => openCall(session, CALL_METHOD));
  const responses = calls.map((call) => once(call, "response"));
  for (const call of calls) call.end(signed(server, IDENTITY));
  await Promise.all(responses);
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).reason, "QUOTA_EXCEEDED");
  const [leaving, reading] = calls as [(typeof calls)[0], (typeof calls)[0]];
  leaving.close();
  await eventually("one place is free", async () => (await client.call(IDENTITY)).code === OK);
  session.settings(HEARING);
  assert.is(await statusOf(reading), OK);
  await eventually("no call is open", () => endings.open === 0);
});

test("a watch whose reader is stuck ends in the server when its key is revoked, and tells him once he reads", async () => {
  const endings = new Endings();
  await using server = await startServer({
    clients: { alice: { limits: { openWatches: 1 } } },
    observers: [endings],
    work: false,
  });
  using client = new RawClient(server.address, server.credentials());
  const jobId = (await client.call(LONG_TASK)).responses[0]?.job?.jobId ?? "";
  using session = await connected(server, DEAF);
  const watch = openCall(session, WATCH_JOB_METHOD);
  const response = once(watch, "response");
  watch.end(signed(server, watchOf(jobId)));
  await response;
  const { document } = server.keyRing;
  removeClient(server, "alice");
  await eventually("the watch has ended", () => endings.open === 0);
  assert.equal(endings.seen.at(-1), ["watch_job", UNAUTHENTICATED]);
  server.keyRing.replace(document);
  const next = Promise.withResolvers<void>();
  void client.watch(watchOf(jobId), () => next.resolve());
  await next.promise;
  session.settings(HEARING);
  assert.is(await statusOf(watch), UNAUTHENTICATED);
});

test.run();
