// test-limit-ms: 300000
import type { ClientHttp2Stream } from "node:http2";
import { CALL_METHOD, CALL_STREAM_METHOD } from "../../src/wire/limits.ts";
import { suite } from "../support/suite.ts";
import { type HeldCalls, holdCalls } from "./held-calls.ts";
import { HostileSite } from "./hostile-site.ts";
import { assertUnharmed } from "./measured.ts";

const test = suite("hostile/held-calls");

/** Announces so many bytes, and sends one. */
const announce = (length: number) => (stream: ClientHttp2Stream) => {
  const start = Buffer.alloc(6);
  start.writeUInt32BE(length, 1);
  stream.write(start);
};

/** Announces 1 MiB, and sends a byte a second. */
const trickle = (stream: ClientHttp2Stream): void => {
  announce(1024 * 1024)(stream);
  const timer = setInterval(() => stream.write(Buffer.of(0)), 1000);
  stream.on("close", () => clearInterval(timer));
};

const attacks: Readonly<Record<string, HeldCalls>> = {
  "130 calls that send nothing but headers": { connections: 1, callsPerConnection: 130, method: CALL_METHOD },
  "1,000 calls of six bytes": { connections: 1, callsPerConnection: 1000, method: CALL_METHOD, send: announce(256) },
  "1,000 calls that announce 1 MiB": {
    connections: 1,
    callsPerConnection: 1000,
    method: CALL_METHOD,
    send: announce(1024 * 1024),
  },
  "1,000 call streams that announce 1 MiB": {
    connections: 1,
    callsPerConnection: 1000,
    method: CALL_STREAM_METHOD,
    send: announce(1024 * 1024),
  },
  "60 connections with 50 calls each that send nothing": {
    connections: 60,
    callsPerConnection: 50,
    method: CALL_METHOD,
  },
  "60 connections with 50 calls each that send a byte a second": {
    connections: 60,
    callsPerConnection: 50,
    method: CALL_METHOD,
    send: trickle,
  },
};

for (const [name, held] of Object.entries(attacks)) {
  test(name, async () => {
    // A short time, so that calls run out of it, and others are opened, while the honest client is measured.
    await using site = await HostileSite.start({ limits: { requestTimeoutMs: 2000 } });
    assertUnharmed(await site.measure(name, holdCalls(held)), { p99Ms: 250, growthMiB: 200 });
  });
}

test.run();
