import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { Client, credentials as grpcCredentials, status } from "@grpc/grpc-js";
import { WatchJobRequest } from "../../gen/sealwire/system/v1/watch_job.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Logger } from "../../src/runtime/logger.ts";
import type { CallObserver } from "../../src/server/request/access-log.ts";
import { CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { RawClient, type RawRequest } from "../support/raw-client.ts";
import { startServer, type TestServerOptions } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

/* What throws inside the server is a failure of the call at hand, wherever it sits, and never of the process. */
const test = suite("server/boundaries");

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
/** A watch that ends by itself: there is no such job. */
const WATCH: RawRequest = {
  tool: "watch_job",
  type: "sealwire.system.v1.WatchJobRequest",
  value: WatchJobRequest.encode(
    WatchJobRequest.fromPartial({ jobId: "00000000-0000-4000-8000-000000000000" }),
  ).finish(),
};
const identity = (bytes: Buffer): Buffer => bytes;

/** Errors that reached the process. */
const strays: unknown[] = [];
const onStray = (error: unknown): void => void strays.push(error);
test.before(() => {
  process.on("uncaughtException", onStray).on("unhandledRejection", onStray);
});
test.after(() => {
  process.off("uncaughtException", onStray).off("unhandledRejection", onStray);
});

/** Throws while it is armed. */
class Plant {
  armed = false;
  thrown = 0;

  throw(): void {
    if (!this.armed) return;
    this.thrown += 1;
    throw new Error("planted");
  }
}

/** Ways to let something throw that a server is made of. */
const places: Record<string, (plant: Plant) => Partial<TestServerOptions>> = {
  "an observer of starts": (plant) => ({ observers: [{ callStarted: () => plant.throw(), callEnded: () => {} }] }),
  "an observer of ends": (plant) => ({ observers: [{ callStarted: () => {}, callEnded: () => plant.throw() }] }),
  "an observer whose promises reject": (plant) => {
    const reject = async (): Promise<void> => plant.throw();
    return { observers: [{ callStarted: reject, callEnded: reject } as CallObserver] };
  },
  "the listener for used keys": (plant) => ({ onKeyUsed: () => plant.throw() }),
  "the logger": (plant) => {
    const say = (): void => plant.throw();
    const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger };
    return { logger };
  },
  "the wall clock": (plant) => ({
    clock: {
      ...systemClock,
      nowMs: () => {
        plant.throw();
        return systemClock.nowMs();
      },
    },
  }),
  "the monotonic clock": (plant) => ({
    clock: {
      ...systemClock,
      monotonicMs: () => {
        plant.throw();
        return systemClock.monotonicMs();
      },
    },
  }),
  timers: (plant) => ({
    clock: {
      ...systemClock,
      after: (delayMs, callback) => {
        plant.throw();
        return systemClock.after(delayMs, callback);
      },
    },
  }),
};

async function code(client: Client, path: string, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, identity, identity);
    call.on("data", () => {});
    call.on("error", () => {});
    call.on("status", (end) => resolve(end.code));
    call.end(bytes);
  });
}

for (const [place, plantIn] of Object.entries(places)) {
  test(`${place} may throw: no call ends the process, and the next one is well`, async () => {
    const plant = new Plant();
    await using server = await startServer({ ...plantIn(plant), limits: { requestTimeoutMs: 300 } });
    using client = new RawClient(server.address, server.credentials());
    const anonymous = new Client(server.address, grpcCredentials.createInsecure());
    assert.is((await client.call(IDENTITY)).code, status.OK);

    plant.armed = true;
    const seen: Record<string, number> = {};
    seen.call = (await client.call(IDENTITY)).code;
    const stream = client.stream();
    seen.streamed = await stream.call(IDENTITY).then(
      ({ error }) => error?.code ?? status.OK,
      async () => (await stream.ended).code,
    );
    stream.cancel();
    seen.watch = (await client.watch(WATCH)).code;
    for (const path of [CALL_METHOD, WATCH_JOB_METHOD, CALL_STREAM_METHOD]) {
      seen[`garbage to ${path}`] = await code(anonymous, path, Buffer.from([1, 2, 3]));
    }
    seen.health = await code(anonymous, "/grpc.health.v1.Health/Check", Buffer.of());
    seen.reflection = await code(
      anonymous,
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      Buffer.from([0x3a, 0]),
    );
    seen.native = await code(anonymous, "/sealwire.demo.v1.DemoToolService/BatchSum", Buffer.of());
    seen.unknown = await code(anonymous, "/no.Such/Method", Buffer.of());
    await brokenConnections(server.address);
    const answered = [
      status.OK,
      status.INTERNAL,
      status.UNAVAILABLE,
      status.UNAUTHENTICATED,
      status.UNIMPLEMENTED,
      status.NOT_FOUND,
    ];
    for (const [what, each] of Object.entries(seen)) assert.ok(answered.includes(each), `${what}: ${each}`);

    plant.armed = false;
    assert.is((await client.call(IDENTITY)).code, status.OK);
    anonymous.close();
    assert.ok(plant.thrown > 0, "nothing was planted");
    assert.equal(strays, []);
  });
}

/** Connections that say what is no HTTP/2, and that are reset in the middle of a call. */
async function brokenConnections(address: string): Promise<void> {
  const [host = "", port = ""] = address.split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => {});
  socket.resume();
  socket.write("GET / HTTP/1.1\r\n\r\n\0\0\0");
  await new Promise((resolve) => socket.once("close", resolve));
  const session = connectHttp2(`http://${address}`);
  session.on("error", () => {});
  const stream = session.request({ ":method": "POST", ":path": CALL_METHOD, "content-type": "application/grpc" });
  stream.on("error", () => {});
  stream.write(Buffer.from([0, 0, 0, 1]));
  await new Promise((resolve) => stream.once("ready", resolve));
  session.destroy();
}

test.run();
