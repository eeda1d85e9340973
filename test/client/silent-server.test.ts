import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { SealwireClient } from "../../src/client/client.ts";
import { type ClientOptions, resolveClientOptions } from "../../src/client/options.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { sumArgs } from "./peers/numbers.ts";
import { makeCredentials, startPeer } from "./peers/signed-peer.ts";

const test = suite("client/silent-server");

const QUICK = { keepaliveIntervalMs: 1_000, keepaliveTimeoutMs: 1_000 };

async function linked(): Promise<{ server: TestServer; link: TcpLink }> {
  const server = await startServer();
  return { server, link: await TcpLink.to(Number(server.address.split(":")[1])) };
}

test("by default a peer that falls silent is noticed within 20 s, one or several", () => {
  const { keepaliveIntervalMs, keepaliveTimeoutMs } = resolveClientOptions({ credentials: makeCredentials("unix:/x") });
  assert.ok(keepaliveIntervalMs + keepaliveTimeoutMs < 20_000);
});

for (const [name, options] of [
  ["one server", {}],
  ["one server over one stream", { pipeline: true }],
  ["one address among several", { healthIntervalMs: 60_000 }],
] as [string, Partial<ClientOptions>][]) {
  test(`a connection that falls silent is given up for a new one: ${name}`, async () => {
    const { server, link } = await linked();
    const there = `127.0.0.1:${link.port}`;
    const address = options.healthIntervalMs === undefined ? there : [there, there];
    await using client = new SealwireClient({ credentials: server.credentials(), address, ...QUICK, ...options });
    await client.call("batch_sum", sumArgs);
    link.strand();
    assert.ok((await client.call("batch_sum", sumArgs, { timeoutMs: 20_000 })).ok);
    client.close();
    await link[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
}

/** A port that takes connections and says nothing; leads those after the first `mute` ones to another port. */
async function startMute(mute: number, port = 0) {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    sockets.push(near);
    near.on("error", () => {});
    if (sockets.length <= mute) return;
    const far = connect(port, "127.0.0.1");
    sockets.push(far);
    far.on("error", () => {});
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a new connection on which nothing is said is given up for another", async () => {
  await using server = await startServer();
  await using mute = await startMute(1, Number(server.address.split(":")[1]));
  await using client = new SealwireClient({ credentials: server.credentials(), address: mute.address, ...QUICK });
  assert.ok((await client.call("batch_sum", sumArgs, { timeoutMs: 20_000 })).ok);
  assert.ok(mute.sockets.length >= 3);
});

test("a call whose time ends before there is a connection is known not to have begun", async () => {
  await using mute = await startMute(Infinity);
  await using client = new SealwireClient({ credentials: makeCredentials(mute.address) });
  const error = await rejection("UNREACHABLE", client.call("batch_sum", sumArgs, { timeoutMs: 300 }));
  assert.match(error.message, /^No connection to a server within 300 ms; the call has not begun\./);
});

test("a call whose time ends while a server has it may have been done", async () => {
  await using peer = await startPeer({ call: () => "silence" });
  await using client = new SealwireClient({ credentials: peer.credentials });
  const error = await rejection("DEADLINE_EXCEEDED", client.call("batch_sum", sumArgs, { timeoutMs: 300 }));
  assert.match(error.message, "its outcome is unknown");
});

test.run();
