import { execFileSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { SealwireClient } from "../../../src/client/client.ts";
import { type ClientOptions, resolveClientOptions } from "../../../src/client/options.ts";
import { Replica } from "../../../src/client/transport/replica.ts";
import { Channel, type RawStatus } from "../../../src/client/transport/transport.ts";
import { SealwireError } from "../../../src/errors.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { createServer as createSealwireServer } from "../../../src/server/server.ts";
import { demoTools } from "../../../src/tools/demo-tools.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { NameServer } from "../../support/name-server.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer, type TestServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { sumArgs } from "../peers/numbers.ts";
import {
  makeCredentials,
  ok,
  type Received,
  refuse,
  startPeer,
  type UnaryReply,
  unsigned,
} from "../peers/signed-peer.ts";

const test = suite("client/transport/replicas");

const channelOptions = {
  ...resolveClientOptions({ credentials: makeCredentials("127.0.0.1:1") }),
  tls: undefined,
  proxy: undefined,
  maxReceiveBytes: 1024,
};

/** A server for each host, all on one port, with one key ring and one store; tells who of them was asked. */
async function startServers(hosts: readonly string[], tls?: { certificatePath: string; privateKeyPath: string }) {
  const first = await startServer({ work: false });
  const port = await freePort();
  const asked = new Map(hosts.map((host) => [host, 0]));
  const servers = new Map<string, Awaited<ReturnType<typeof createSealwireServer>>>();
  for (const host of hosts) {
    const server = await createSealwireServer({
      keyRing: first.keyRing,
      store: first.store,
      tools: [demoTools()],
      onKeyUsed: () => asked.set(host, (asked.get(host) ?? 0) + 1),
      ...(tls && { tls }),
    });
    await server.listen(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
    servers.set(host, server);
  }
  return {
    first,
    port,
    servers,
    /** The hosts that answer as many calls in a row. */
    async askedBy(client: SealwireClient, calls: number): Promise<string[]> {
      const before = new Map(asked);
      for (let call = 0; call < calls; call += 1) await client.call("batch_sum", sumArgs);
      return hosts.filter((host) => asked.get(host) !== before.get(host));
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers.values()) await server.drain(0);
      await first[Symbol.asyncDispose]();
    },
  };
}

function connect(first: TestServer, address: string, options: Partial<ClientOptions> = {}): SealwireClient {
  return new SealwireClient({ credentials: first.credentials(), address, healthIntervalMs: 100, ...options });
}

test("every address behind a DNS name is a server, and what the name loses or gains is followed", async () => {
  const hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
  await using group = await startServers(hosts);
  await using names = await NameServer.start({ "replicas.test": hosts.slice(0, 2) });
  const address = `dns://${names.address}/replicas.test:${group.port}`;
  await using client = connect(group.first, address, { allowRemotePlaintext: true });
  await eventually("both are asked", async () => (await group.askedBy(client, 2)).length === 2);
  names.names.set("replicas.test", hosts.slice(1));
  // A server that is lost is the reason to look the name up again.
  await group.servers.get("127.0.0.2")?.drain(0);
  await eventually(
    "the new server is asked",
    async () => (await group.askedBy(client, 2)).join() === "127.0.0.3,127.0.0.4",
  );
});

test("localhost stands for its IPv4 and its IPv6 server", async () => {
  const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const hosts = ["127.0.0.1", ...(interfaces.some(({ address }) => address === "::1") ? ["::1"] : [])];
  await using group = await startServers(hosts);
  await using client = connect(group.first, `dns:///localhost:${group.port}`);
  const resolved = await lookup("localhost", { all: true });
  const expected = hosts.filter((host) => resolved.some(({ address }) => address === host));
  await eventually("all are asked", async () => (await group.askedBy(client, 4)).join() === expected.join());
});

test("a name that cannot be resolved is unreachable, and found once it can", async () => {
  await using group = await startServers(["127.0.0.2"]);
  await using names = await NameServer.start({});
  await using client = connect(group.first, `dns://${names.address}/late.test:${group.port}`, {
    allowRemotePlaintext: true,
    retry: { maxAttempts: 2, initialDelayMs: 1, unreachableForMs: 0 },
  });
  const { message } = await rejection("UNREACHABLE", client.call("batch_sum", sumArgs));
  assert.match(message, /dns:\/\/\S+\/late\.test:\d+ cannot be resolved: queryA ENOTFOUND late\.test/);
  names.names.set("late.test", ["127.0.0.2"]);
  assert.equal(await group.askedBy(client, 1), ["127.0.0.2"]);
});

test("the certificate behind a DNS name is for the name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-replicas-"));
  try {
    const [certificatePath, privateKeyPath] = [join(folder, "a.crt"), join(folder, "a.key")];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", privateKeyPath];
    const names = ["-subj", "/CN=replicas.test", "-addext", "subjectAltName=DNS:replicas.test"];
    execFileSync("openssl", ["req", "-x509", ...key, ...names, "-days", "2", "-out", certificatePath], {
      stdio: "pipe",
    });
    const hosts = ["127.0.0.2", "127.0.0.3"];
    await using group = await startServers(hosts, { certificatePath, privateKeyPath });
    await using dns = await NameServer.start({ "replicas.test": hosts, "other.test": hosts });
    const tls = { rootCertificates: readFileSync(certificatePath) };
    await using client = connect(group.first, `dns://${dns.address}/replicas.test:${group.port}`, { tls });
    await eventually("both are asked", async () => (await group.askedBy(client, 2)).length === 2);
    await using fooled = connect(group.first, `dns://${dns.address}/other.test:${group.port}`, {
      tls,
      retry: { maxAttempts: 1 },
    });
    await rejection("UNREACHABLE", fooled.call("batch_sum", sumArgs));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a request that comes to a server when its name has lost it is one that another may have", async () => {
  const request = {
    path: "/x/y",
    message: Buffer.of(),
    timeoutMs: 1000,
    signal: AbortSignal.any([]),
    traceparent: undefined,
  };
  const replica = new Replica({
    channel: new Channel({ ...channelOptions, address: "127.0.0.1:1" }),
    clock: systemClock,
    random: systemRandom,
    healthIntervalMs: 1000,
    onHealth: () => {},
  });
  replica.close();
  assert.is((await replica.unary(request)).status.code, status.UNAVAILABLE);
  assert.is(((await replica.serverStream(request).next()) as RawStatus).code, status.UNAVAILABLE);
});

type Behaviour = (attempt: number) => "ok" | "lost" | SealwireError;

/** Three peers that share one count of attempts; they have no health service, so they are taken to be well. */
async function startPeers() {
  const credentials = makeCredentials("");
  const asked: string[] = [];
  let behaviour: Behaviour = () => "ok";
  const answer = (received: Received): UnaryReply => {
    const what = behaviour(asked.length);
    if (what === "lost") return unsigned(new SealwireError("UNAVAILABLE"));
    if (what !== "ok") return refuse(credentials, received, what);
    return ok(credentials, received, { typeUrl: "type.googleapis.com/test.Nothing", value: Buffer.of() });
  };
  const call = (name: string) => (received: Received) => {
    asked.push(name);
    return answer(received);
  };
  const peers = await Promise.all(["a", "b", "c"].map((name) => startPeer({ call: call(name) }, { credentials })));
  return {
    /** How many attempts one call makes at how many servers, and what comes of it, if every wait is half a minute. */
    async attempts(next: Behaviour) {
      await using client = new SealwireClient({
        credentials,
        address: peers.map(({ address }) => address).join(", "),
        retry: { initialDelayMs: 60_000, maxDelayMs: 60_000 },
        random: { ...systemRandom, fraction: () => 0.5 },
      });
      behaviour = () => "ok";
      await eventually("all are known", async () => {
        await client.call("batch_sum", sumArgs);
        return new Set(asked).size === peers.length;
      });
      asked.length = 0;
      behaviour = next;
      const error = await client.call("batch_sum", sumArgs, { timeoutMs: 20_000 }).catch((thrown) => thrown);
      const seen = { servers: new Set(asked).size, attempts: asked.length, reason: error?.reason };
      asked.length = 0;
      return seen;
    },
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
    },
  };
}

test("what lies at one server is asked of the others at once; what lies at the call or at all of them is not", async () => {
  await using peers = await startPeers();
  const failTwice = (failure: SealwireError | "lost") => (attempt: number) => (attempt <= 2 ? failure : "ok");
  const retryDelayMs = 30_000;
  const moved = { servers: 3, attempts: 3, reason: undefined };
  const stayed = { servers: 1, attempts: 1 };
  assert.equal(await peers.attempts(failTwice(new SealwireError("DRAINING", undefined, { retryDelayMs }))), moved);
  for (const reason of ["RATE_LIMITED", "UNAVAILABLE"] as const) {
    const told = new SealwireError(reason, undefined, { retryDelayMs });
    assert.equal(await peers.attempts(failTwice(told)), { ...stayed, reason });
  }
});

test("a server that was lost in mid-call is followed by another after a wait that grows", async () => {
  const credentials = makeCredentials("");
  const asked: string[] = [];
  const peers = await Promise.all(
    ["a", "b", "c"].map((name) =>
      startPeer(
        {
          call: (received) => {
            asked.push(name);
            return asked.length < 3
              ? unsigned(new SealwireError("UNAVAILABLE"))
              : ok(credentials, received, { typeUrl: "type.googleapis.com/test.Nothing", value: Buffer.of() });
          },
        },
        { credentials },
      ),
    ),
  );
  const waits: number[] = [];
  const logger = {
    ...silentLogger,
    debug: (fields: { readonly delayMs?: number }) => void (fields.delayMs !== undefined && waits.push(fields.delayMs)),
  };
  const address = peers.map((peer) => peer.address);
  await using client = new SealwireClient({ credentials, address, logger });
  assert.is((await client.call("batch_sum", sumArgs)).ok, true);
  assert.is(new Set(asked).size, 3);
  assert.is(waits.length, 2);
  assert.ok(Number(waits[0]) >= 500 && Number(waits[1]) >= 1000, waits.join(", "));
  for (const peer of peers) await peer[Symbol.asyncDispose]();
});

test("a request that found no connection has not begun, of one whose stream was refused the peer says so", async () => {
  const request = {
    path: "/a.B/C",
    message: Buffer.of(),
    timeoutMs: 10_000,
    signal: AbortSignal.any([]),
    traceparent: undefined,
  };
  const unary = async (address: string): Promise<RawStatus> => {
    const channel = new Channel({ ...channelOptions, address });
    const { status: end } = await channel.unary(request);
    channel.close();
    return end;
  };
  const closed = await unary("127.0.0.1:1");
  assert.equal([closed.code, closed.unsent, closed.told], [status.UNAVAILABLE, true, undefined]);
  for (const [treat, unsent] of [
    [(stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM), true],
    [(stream: ServerHttp2Stream) => stream.session?.destroy(), false],
  ] as const) {
    const server = createHttp2Server();
    server.on("sessionError", () => {});
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      treat(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const lost = await unary(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    assert.equal([lost.code, lost.unsent, lost.told], [status.UNAVAILABLE, unsent, unsent]);
    await new Promise((resolve) => server.close(resolve));
  }
});

test.run();
