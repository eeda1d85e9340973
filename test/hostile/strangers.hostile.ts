// test-limit-ms: 300000
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { Client, credentials as channelCredentials, status as Status } from "@grpc/grpc-js";
import { HealthCheckRequest } from "../../gen/grpc/health/v1/health.ts";
import { ServerReflectionRequest } from "../../gen/grpc/reflection/v1/reflection.ts";
import { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import { writeFrame } from "../../src/wire/frame.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { framed, openCall, statusOf } from "../support/http-call.ts";
import { assert, suite } from "../support/suite.ts";
import { holdCalls } from "./held-calls.ts";
import { type Attack, HostileSite } from "./hostile-site.ts";
import { assertUnharmed } from "./measured.ts";

const HEALTH = "/grpc.health.v1.Health";
const REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const EMPTY = framed(HealthCheckRequest.encode({ service: "" }).finish());
const HARM = { growthMiB: 200 };
/** An attack takes seven seconds. */
const SECONDS = 7;

const test = suite("hostile/strangers");

/** Sends the same frame so many times a second. */
function flood(frame: Buffer, perSecond: number): Attack {
  return async ({ address }) => {
    const client = new Client(address, channelCredentials.createInsecure(), { "grpc.enable_retries": 0 });
    const identity = (bytes: Buffer): Buffer => bytes;
    let refused = 0;
    const timer = setInterval(() => {
      for (let i = 0; i < perSecond / 20; i += 1) {
        client.makeUnaryRequest(CALL_METHOD, identity, identity, frame, (error) => {
          if (error?.code === Status.UNAUTHENTICATED) refused += 1;
        });
      }
    }, 50);
    return {
      count: () => refused,
      end() {
        clearInterval(timer);
        client.close();
      },
    };
  };
}

/** A frame of somebody unknown whose Envelope has a map of so many entries, in the wrong order. */
function forged(entries: number): Buffer {
  const value = Buffer.concat(Array.from({ length: entries }, () => Buffer.from("1204220261622200", "hex")));
  const args = { typeUrl: "type.googleapis.com/sealwire.demo.v1.StartLongTaskRequest", value };
  const envelope = { v: "mcp/0.1", requestId: "r", tsMs: 1n, clientId: "c", serverId: "s", tool: "t", args };
  const content = Envelope.encode({ ...envelope, nonce: Buffer.alloc(16), definitionDigest: "" }).finish();
  return Buffer.from(writeFrame({ content, keyId: "unknown", signature: Buffer.alloc(32) }));
}

test("100 idle watches, and checks that are answered beside them", async () => {
  await using site = await HostileSite.start();
  const watch = holdCalls({
    connections: 10,
    callsPerConnection: 10,
    method: `${HEALTH}/Watch`,
    send: (stream) => stream.end(EMPTY),
  });
  const measured = await site.measure("100 idle watches", async (target) => {
    const begun = await watch(target);
    const session = connectHttp2(`http://${target.address}`);
    for (let i = 0; i < 20; i += 1) {
      const check = openCall(session, `${HEALTH}/Check`);
      check.end(EMPTY);
      assert.is(await statusOf(check), 0);
    }
    session.destroy();
    return begun;
  });
  assertUnharmed(measured, { ...HARM, countLeast: 100 });
});

test("100 reflection streams that ask on and on", async () => {
  await using site = await HostileSite.start();
  const messageRequest = { $case: "fileContainingSymbol", value: "sealwire.v1.ToolService" } as const;
  const ask = framed(ServerReflectionRequest.encode({ host: "", messageRequest }).finish());
  const attack = holdCalls({
    connections: 10,
    callsPerConnection: 10,
    method: REFLECTION,
    send: (stream) => stream.write(Buffer.concat(Array.from({ length: 500 }, () => ask))),
  });
  assertUnharmed(await site.measure("100 reflection streams", attack), { ...HARM, countLeast: 100 });
});

test("224 junk frames a second, which fill no log", async () => {
  await using site = await HostileSite.start();
  const before = site.target.logBytes();
  const measured = await site.measure("224 junk frames a second", flood(Buffer.alloc(43, 255), 224));
  assertUnharmed(measured, { ...HARM, countLeast: (224 * SECONDS) / 2 });
  // The honest client's own calls take 300 bytes each.
  const more = site.target.logBytes() - before - (measured.calm.calls + measured.attacked.calls + 100) * 400;
  assert.ok(more < 20_000, `${more} bytes of log for the junk`);
});

test("50 frames of 64 KiB a second with an unknown key", async () => {
  await using site = await HostileSite.start();
  const measured = await site.measure("50 frames of 64 KiB a second", flood(forged(8000), 50));
  assertUnharmed(measured, { ...HARM, countLeast: (50 * SECONDS) / 2 });
});

test("400 connections that send nothing, opened again whenever they are closed", async () => {
  await using site = await HostileSite.start({ limits: { handshakeTimeoutMs: 1000, connectionsPerPeerMax: 500 } });
  const attack: Attack = async ({ host, port }) => {
    let over = false;
    let connected = 0;
    const sockets = new Set<ReturnType<typeof connect>>();
    const hold = (): void => {
      if (over) return;
      const socket = connect({ host, port }, () => {
        connected += 1;
      });
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        setTimeout(hold, 100);
      });
    };
    for (let i = 0; i < 400; i += 1) hold();
    return {
      count: () => connected,
      end() {
        over = true;
        for (const socket of sockets) socket.destroy();
      },
    };
  };
  // Each is closed after a second, and opened again.
  assertUnharmed(await site.measure("400 silent connections", attack), { ...HARM, countLeast: 800 });
});

test.run();
