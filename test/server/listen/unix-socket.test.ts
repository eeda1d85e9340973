import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RawClient } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("server/listen/unix-socket");

const IDENTITY = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-unix-"));
  try {
    await body(join(folder, "s.sock"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Leaves a socket that nobody listens on, as a killed process does. */
async function leaveDeadSocket(path: string): Promise<void> {
  const program = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
  await once(spawn(process.execPath, ["-e", program]), "exit");
  assert.ok(lstatSync(path).isSocket());
}

async function listening(path: string): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => {}).end("not yours")).listen(path);
  await once(server, "listening");
  return server;
}

async function answers(listen: string): Promise<void> {
  await using server = await startServer({ listen });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).code, 0);
}

test("a socket that a killed process left is replaced, with a mode for this user alone", () =>
  inFolder(async (path) => {
    await leaveDeadSocket(path);
    await using server = await startServer({ listen: `unix:${path}` });
    assert.is(server.address, `unix:${path}`);
    assert.is(statSync(path).mode & 0o777, 0o600);
    using client = new RawClient(server.address, server.credentials());
    assert.is((await client.call(IDENTITY)).code, 0);
    await server.server.drain(0);
    assert.not(existsSync(path));
  }));

test("a socket that somebody listens on is left alone, whoever it is", () =>
  inFolder(async (path) => {
    const stranger = await listening(path);
    const { message } = await rejection("OPTIONS_INVALID", startServer({ listen: `unix:${path}` }));
    assert.is(message, `Cannot listen on unix:${path}: another process uses it; choose another address.`);
    assert.ok(stranger.listening && lstatSync(path).isSocket());
    stranger.close();
    await once(stranger, "close");
    await using _first = await startServer({ listen: `unix:${path}` });
    assert.match((await rejection("OPTIONS_INVALID", startServer({ listen: `unix:${path}` }))).message, "uses it");
    await answers("127.0.0.1:0");
  }));

test("what is no socket is refused and not removed", () =>
  inFolder(async (path) => {
    writeFileSync(path, "mine");
    const { message } = await rejection("OPTIONS_INVALID", startServer({ listen: `unix:${path}` }));
    assert.match(message, "there is a file that is not a socket");
    assert.is(readFileSync(path, "utf8"), "mine");
    const link = `${path}.link`;
    symlinkSync(path, link);
    assert.match((await rejection("OPTIONS_INVALID", startServer({ listen: `unix:${link}` }))).message, "not a socket");
    assert.ok(lstatSync(link).isSymbolicLink());
    // The path is free for the next try.
    await rm(path);
    await answers(`unix:${path}`);
  }));

test("of several that start at once beside a dead socket one serves, and can be reached", () =>
  inFolder(async (path) => {
    await leaveDeadSocket(path);
    const starts = await Promise.allSettled(Array.from({ length: 8 }, () => startServer({ listen: `unix:${path}` })));
    const started = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
    assert.is(started.length, 1);
    for (const start of starts) if (start.status === "rejected") assert.match(String(start.reason), "uses it");
    await using server = started[0] as NonNullable<(typeof started)[0]>;
    using client = new RawClient(`unix:${path}`, server.credentials());
    assert.is((await client.call(IDENTITY)).code, 0);
  }));

test("a server that ends leaves the socket that somebody else has put in place of its own", () =>
  inFolder(async (path) => {
    const server = await startServer({ listen: `unix:${path}` });
    renameSync(path, `${path}.moved`);
    const successor = await listening(path);
    await server[Symbol.asyncDispose]();
    assert.ok(lstatSync(path).isSocket());
    successor.close();
    await once(successor, "close");
  }));

test("a path that is too long is refused with the limit", async () => {
  const listen = `unix:/tmp/${"x".repeat(100)}`;
  assert.match((await rejection("OPTIONS_INVALID", startServer({ listen }))).message, "99 bytes at most");
});

test.run();
