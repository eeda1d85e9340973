import { once } from "node:events";
import { connect } from "node:net";
import { type OpenCall, OpenCalls } from "../../../src/mcp/bridge/open-calls.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { GatedTools } from "./gated-tools.ts";
import { callLegacy, callModern, headersOf, send, startHttpBridge, tokenOf } from "./http-bridge.ts";
import { TASKS_META, textOf } from "./raw-host.ts";

const test = suite("mcp/bridge/http");

const SUM = { name: "batch_sum", arguments: { numbers: [1, 2] } };
const BODY = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: SUM });

/** Open calls that tell how often a host went. */
class WatchedCalls extends OpenCalls {
  abandoned = 0;

  override abandon(call: OpenCall): void {
    super.abandon(call);
    this.abandoned += 1;
  }
}

test("hosts of both protocols list and call the tools", async () => {
  await using server = await startServer();
  await using bridge = await startHttpBridge(server);
  for (const call of [callModern, callLegacy]) {
    const { result } = await call([bridge.port, "alice"], "tools/list", {});
    assert.is(result.tools[0].name, "batch_sum");
    const sum = await call([bridge.port, "alice"], "tools/call", SUM);
    assert.equal(sum.result.structuredContent, { count: 2, total: 3 });
  }
});

test("who may not call gets no further", async () => {
  await using server = await startServer();
  await using bridge = await startHttpBridge(server);
  const own = headersOf("alice");
  const { authorization: _, ...tokenless } = own;
  const refused = [
    ["no token", 401, { headers: tokenless }],
    ["another token", 401, { headers: { ...own, authorization: `Bearer ${tokenOf("mallory")}` } }],
    ["a token in another scheme", 401, { headers: { ...own, authorization: `Basic ${tokenOf("alice")}` } }],
    ["a foreign Host", 403, { headers: { ...own, host: "evil.example" } }],
    ["a foreign Host with the own port", 403, { headers: { ...own, host: `evil.example:${bridge.port}` } }],
    ["another port in Host", 403, { headers: { ...own, host: "127.0.0.1:1" } }],
    ["a foreign Origin", 403, { headers: { ...own, origin: "https://evil.example" } }],
    ["an opaque Origin", 403, { headers: { ...own, origin: "null" } }],
    ["GET", 405, { headers: own, method: "GET" }],
    ["DELETE", 405, { headers: own, method: "DELETE" }],
    ["another path", 404, { headers: own, path: "/" }],
    ["a body of 2 MiB", 413, { headers: own, body: `"${"a".repeat(2 ** 21)}"` }],
    ["another type of body", 415, { headers: { ...own, "content-type": "text/plain" } }],
  ] as const;
  for (const [name, status, request] of refused) {
    const answer = await send(bridge.port, { body: BODY, ...request });
    assert.is(answer.status, status, `${name}: ${answer.text}`);
    assert.not.match(answer.text, tokenOf("alice"));
  }
  const accepted = { headers: { ...own, host: `localhost:${bridge.port}`, origin: "http://localhost:3000" } };
  assert.is((await send(bridge.port, { body: BODY, ...accepted })).status, 200);
  assert.is((await send(bridge.port, { headers: tokenless, body: BODY })).headers["www-authenticate"], "Bearer");
  assert.not.match(bridge.log(), tokenOf("alice"));
});

test("a body of 2 MiB without a stated length is refused, too", async () => {
  await using server = await startServer();
  await using bridge = await startHttpBridge(server);
  const socket = connect(bridge.port, "127.0.0.1");
  const head = Object.entries(headersOf("alice")).map(([name, value]) => `${name}: ${value}`);
  socket.write(
    `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${bridge.port}\r\n${head.join("\r\n")}\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  const chunk = `10000\r\n${"a".repeat(65_536)}\r\n`;
  for (let index = 0; index < 32; index += 1) socket.write(chunk);
  socket.on("error", () => {});
  const [answer] = await once(socket, "data");
  assert.match(String(answer), "HTTP/1.1 413");
  socket.destroy();
});

test("a principal sees no job of another: neither by wait_for_job, nor cancel_job, nor as a task", async () => {
  const gated = new GatedTools();
  await using server = await startServer({ ...gated.options, clients: { alice: {}, bob: {} } });
  await using bridge = await startHttpBridge(server, ["alice", "bob"], { waitMs: 0 });
  const started = await callModern([bridge.port, "alice"], "tools/call", { name: "work", arguments: { numbers: [1] } });
  const { job_id } = started.result.structuredContent;
  await gated.untilRuns(1);
  for (const name of ["wait_for_job", "cancel_job"]) {
    const { result } = await callModern([bridge.port, "bob"], "tools/call", { name, arguments: { job_id } });
    assert.match(textOf(result), "JOB_NOT_FOUND", name);
  }
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    const { error } = await callModern([bridge.port, "bob"], method, { taskId: job_id }, { meta: TASKS_META });
    assert.is(error?.code, -32602, method);
  }
  const { result } = await callLegacy([bridge.port, "bob"], "tasks/list", {});
  assert.equal(result.tasks, []);
  assert.equal(gated.cancelled, []);
  gated.open();
  const args = { job_id, seconds: 20 };
  const own = await callModern([bridge.port, "alice"], "tools/call", { name: "wait_for_job", arguments: args });
  assert.equal(own.result.structuredContent, { count: 1, total: 42 });
});

test("a call whose stream closed is continued by the same principal only", async () => {
  const gated = new GatedTools();
  await using server = await startServer({ ...gated.options, clients: { alice: {}, bob: {} } });
  const openCalls = new WatchedCalls(systemClock);
  await using bridge = await startHttpBridge(server, ["alice", "bob"], { openCalls });
  const work = { name: "work", arguments: { numbers: [1] } };
  const gone = new AbortController();
  const first = callModern([bridge.port, "alice"], "tools/call", work, { signal: gone.signal }).catch(() => {});
  await gated.untilRuns(1);
  gone.abort();
  await first;
  await eventually("the bridge notices", () => openCalls.abandoned === 1);
  const bobs = callModern([bridge.port, "bob"], "tools/call", work);
  await gated.untilRuns(2);
  const again = callModern([bridge.port, "alice"], "tools/call", work);
  gated.open();
  assert.match(textOf((await again).result), "continues an identical earlier one");
  assert.not.match(textOf((await bobs).result), "continues");
  assert.equal(gated.runs, ["work 1", "work 1"]);
});

test("100 clients at once are served while one reads nothing", async () => {
  await using server = await startServer();
  await using bridge = await startHttpBridge(server);
  const slow = connect(bridge.port, "127.0.0.1");
  slow.on("error", () => {});
  const head = Object.entries(headersOf("alice")).map(([name, value]) => `${name}: ${value}`);
  const numbers = Array.from({ length: 9_000 }, (_, index) => index);
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "batch_sum", arguments: { numbers } },
  });
  const request = `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${bridge.port}\r\n${head.join("\r\n")}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  slow.pause();
  for (let index = 0; index < 50; index += 1) slow.write(request);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      callModern([bridge.port, "alice"], "tools/call", { name: "batch_sum", arguments: { numbers: [index, 1] } }),
    ),
  );
  assert.equal(
    answers.map(({ result }) => result.structuredContent.total),
    answers.map((_, index) => index + 1),
  );
  slow.destroy();
});

test("draining answers who waits for a job with the open job, and refuses new connections", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startHttpBridge(server);
  const waiting = callModern([bridge.port, "alice"], "tools/call", { name: "work", arguments: { numbers: [1] } });
  await gated.untilRuns(1);
  await bridge.bridge.drain(1_200);
  const { result } = await waiting;
  assert.match(textOf(result), "The job is not over");
  const refused = await send(bridge.port, { headers: headersOf("alice"), body: BODY }).catch((thrown) => thrown);
  assert.is(refused.code, "ECONNREFUSED");
  assert.equal(gated.cancelled, []);
  gated.open();
});

test("it listens beyond loopback with TLS only, and on no unix socket", async () => {
  await using server = await startServer();
  for (const listen of ["0.0.0.0:0", "unix:/tmp/mcp.sock"]) {
    await rejection("OPTIONS_INVALID", startHttpBridge(server, ["alice"], { listen }));
  }
});

test("peers that only keep connections open shut no host out", async () => {
  await using server = await startServer();
  await using bridge = await startHttpBridge(server);
  const silent = Array.from({ length: 1_010 }, () => connect(bridge.port, "127.0.0.1").on("error", () => {}));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  try {
    assert.is((await send(bridge.port, { headers: headersOf("alice"), body: BODY })).status, 200);
  } finally {
    for (const socket of silent) socket.destroy();
  }
});

test.run();
