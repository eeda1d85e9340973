import { once } from "node:events";
import { type ClientHttp2Session, connect, type Settings } from "node:http2";
import { join } from "node:path";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const SHARED = { reusePort: true };
const CONNECTIONS = 40;

const test = suite("server/listen/reuse-port");

/** Two servers that can be told apart by the number of streams they allow on a connection. */
async function startTwo() {
  const stack = new AsyncDisposableStack();
  const [one, two] = [
    stack.use(await startServer({ limits: { streamsPerConnectionMax: 11 } })).server,
    stack.use(await startServer({ limits: { streamsPerConnectionMax: 22 } })).server,
  ];
  return { one, two, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("servers that share a port are both connected to, and when one drains, the other takes everybody", async () => {
  await using servers = await startTwo();
  const { address } = await servers.one.listen("127.0.0.1:0", SHARED);
  assert.is((await servers.two.listen(address, SHARED)).address, address);
  assert.equal(await whoAccepts(address), [11, 22]);
  await servers.one.drain();
  assert.equal(await whoAccepts(address), [22]);
});

test("a port is shared only if everybody at it says so", async () => {
  await using servers = await startTwo();
  const { address: own } = await servers.one.listen("127.0.0.1:0");
  assert.match(
    (await rejection("OPTIONS_INVALID", servers.two.listen(own, SHARED))).message,
    /another process uses it/,
  );
  const { address: shared } = await servers.one.listen("127.0.0.1:0", SHARED);
  assert.match((await rejection("OPTIONS_INVALID", servers.two.listen(shared))).message, /another process uses it/);
});

test("a unix socket cannot be shared", async () => {
  await using server = await startServer();
  const path = join(server.folder, "shared.sock");
  assert.match(
    (await rejection("OPTIONS_INVALID", server.server.listen(`unix:${path}`, SHARED))).message,
    /no port to share/,
  );
});

/** The servers that were met over many connections at once. */
async function whoAccepts(address: string): Promise<(number | undefined)[]> {
  const sessions = Array.from({ length: CONNECTIONS }, () => connect(`http://${address}`));
  try {
    return [...new Set(await Promise.all(sessions.map(streamsAllowed)))].sort();
  } finally {
    for (const session of sessions) session.destroy();
  }
}

async function streamsAllowed(session: ClientHttp2Session): Promise<number | undefined> {
  const [{ maxConcurrentStreams }] = (await once(session, "remoteSettings")) as [Settings];
  return maxConcurrentStreams;
}

test.run();
