import { execFileSync } from "node:child_process";
import { constants } from "node:fs";
import { chmod, mkdtemp, open, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SealwireClient } from "../../src/client/client.ts";
import { fileCredentials } from "../../src/client/credentials-source.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { addKey, revokeKey, rotateKey } from "../../src/signing/key-ring/changes.ts";
import {
  type ClientCredentials,
  credentialsOf,
  formatCredentials,
  replaceCredentials,
} from "../../src/signing/key-ring/credentials.ts";
import { memoryKeyRing } from "../../src/signing/key-ring/memory-key-ring.ts";
import { startTestServer, type TestServer } from "../../src/testing/test-server.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("e2e/credentials-file");

let folder = "";
let path = "";
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealwire-credentials-"));
  path = join(folder, "client.json");
});
test.after.each(() => rm(folder, { recursive: true }));

/** A server, and alice's credentials in a file. */
async function start(): Promise<TestServer> {
  const server = await startTestServer({ tools: [demoTools()] });
  await writeFile(path, formatCredentials(server.credentials("alice")), { mode: 0o600 });
  return server;
}

function credentialsFor({ keyRing, address }: TestServer, keyId: string): ClientCredentials {
  const key = keyRing.current().find(keyId);
  assert.ok(key);
  return credentialsOf(key, { serverId: "test-server", address });
}

/** Rotates alice's key and replaces the file, and revokes the previous key at once. */
async function replaceKey(server: TestServer): Promise<void> {
  const { keyRing } = server;
  const previous = keyRing.document.keys.filter(({ clientId }) => clientId === "alice").at(-1)?.keyId ?? "";
  const { document, keyId } = rotateKey(keyRing.document, { clientId: "alice" });
  keyRing.replace(document);
  await replaceCredentials(path, credentialsFor(server, keyId), systemRandom);
  keyRing.replace(revokeKey(keyRing.document, previous));
}

async function clientOf(options: Partial<ClientOptions> = {}): Promise<SealwireClient> {
  return new SealwireClient({ credentials: await fileCredentials({ path }), retry: { maxAttempts: 1 }, ...options });
}

for (const pipeline of [false, "auto", true] as const) {
  test(`a key is rotated, replaced in the file and revoked under load, and no call fails (pipeline ${pipeline})`, async () => {
    await using server = await start();
    await using client = await clientOf({ pipeline });
    let [calls, isOver] = [0, false];
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await client.call("batch_sum", { numbers: [1, 2] });
        calls += 1;
      }
    });
    for (let rotation = 0; rotation < 3; rotation++) {
      await delay(150);
      await replaceKey(server);
    }
    await delay(150);
    isOver = true;
    await Promise.all(load);
    assert.ok(calls > 10, `${calls} calls`);
  });
}

test("a client that was idle while its key was replaced calls with the new one", async () => {
  await using server = await start();
  await using client = await clientOf();
  await client.call("batch_sum", { numbers: [1] });
  await replaceKey(server);
  await client.call("batch_sum", { numbers: [1] });
});

test("a watch goes on with the new key when its own is revoked", async () => {
  await using server = await start();
  const resumed: string[] = [];
  const logger = { ...silentLogger, debug: (_: object, message = "") => void resumed.push(message) };
  await using client = await clientOf({ logger });
  const { job } = await client.call("start_long_task", { seconds: 2 });
  assert.ok(job);
  let replaced = 0;
  let last = "";
  for await (const { state } of client.job(job.jobId).watch()) {
    last = state;
    if (state !== "RUNNING" || replaced > 0) continue;
    replaced += 1;
    await replaceKey(server);
  }
  assert.is(replaced, 1);
  assert.ok(resumed.includes("watch resumes with other credentials"), resumed.join("; "));
  assert.is(last, "SUCCEEDED");
});

test("a new key is taken from the file within a second or two, before the previous one is refused", async () => {
  await using server = await start();
  const clock = new FakeClock();
  const source = await fileCredentials({ path, clock });
  const used = source.current();
  const { document, keyId } = rotateKey(server.keyRing.document, { clientId: "alice" });
  server.keyRing.replace(document);
  await replaceCredentials(path, credentialsFor(server, keyId), systemRandom);
  assert.is(source.current(), used);
  clock.advance(1_000);
  source.current();
  await eventually("the file is read", () => source.current().keyId === keyId);
});

test("while a server does not know the new key yet, the previous one is used", async () => {
  await using server = await start();
  const clock = new FakeClock();
  const source = await fileCredentials({ path, clock });
  await using client = new SealwireClient({ credentials: source, retry: { maxAttempts: 1 } });
  const previous = source.current();
  const { document, keyId } = rotateKey(server.keyRing.document, { clientId: "alice" });
  const added = memoryKeyRing(document).current().find(keyId);
  assert.ok(added);
  const next = credentialsOf(added, { serverId: "test-server", address: server.address });
  await replaceCredentials(path, next, systemRandom);
  clock.advance(1_000);
  source.current();
  await eventually("the file is read", () => source.current().keyId === keyId);

  await client.call("batch_sum", { numbers: [1] });
  assert.is(source.current(), previous);
  // After a while the new key is tried again, and again in vain.
  clock.advance(5_000);
  assert.is(source.current().keyId, keyId);
  await client.call("batch_sum", { numbers: [1] });
  assert.is(source.current(), previous);
  server.keyRing.replace(document);
  clock.advance(5_000);
  await client.call("batch_sum", { numbers: [1] });
  assert.is(source.current().keyId, keyId);
  server.keyRing.replace(revokeKey(server.keyRing.document, previous.keyId));
  await client.call("batch_sum", { numbers: [1] });
});

test("a source that always has others is asked three times, and one that fails does not hide the refusal", async () => {
  await using server = await start();
  const [key] = server.keyRing.document.keys;
  const known = server.credentials("alice");
  server.keyRing.replace(revokeKey(server.keyRing.document, key?.keyId ?? ""));
  let asked = 0;
  const refused = async (renew: () => Promise<boolean>): Promise<void> => {
    await using client = new SealwireClient({ credentials: { current: () => ({ ...known }), renew } });
    await rejection("CREDENTIALS_REFUSED", client.call("batch_sum", { numbers: [1] }));
  };
  await refused(async () => {
    asked += 1;
    return true;
  });
  assert.is(asked, 3);
  await refused(() => Promise.reject(new Error("the secret manager is away")));
  await using hanging = new SealwireClient({
    credentials: { current: () => known, renew: () => new Promise(() => {}) },
    timeoutMs: 300,
  });
  await rejection("DEADLINE_EXCEEDED", hanging.call("batch_sum", { numbers: [1] }));
});

test("credentials that were not awaited are named as the mistake", async () => {
  await start().then((server) => server[Symbol.asyncDispose]());
  const credentials = fileCredentials({ path }) as unknown as ClientCredentials;
  const error = await rejection("OPTIONS_INVALID", (async () => new SealwireClient({ credentials }))());
  assert.match(error.message, "await it");
});

test("a file that cannot be used, or is another client's, changes nothing and is logged", async () => {
  await using server = await start();
  const warnings: string[] = [];
  const logger = {
    ...silentLogger,
    warn: ({ err }: { readonly err?: Error }) => void warnings.push(err?.message ?? ""),
  };
  const source = await fileCredentials({ path, logger });
  const used = source.current();
  const own = formatCredentials(used);

  await writeFile(path, own.slice(0, 40));
  assert.is(await source.renew(used), false);
  await rm(path);
  assert.is(await source.renew(used), false);
  await writeFile(path, own, { mode: 0o600 });
  await chmod(path, 0o644);
  assert.is(await source.renew(used), false);
  await chmod(path, 0o600);
  const other = addKey(server.keyRing.document, { clientId: "bob", tools: ["*"] });
  server.keyRing.replace(other.document);
  await replaceCredentials(path, credentialsFor(server, other.keyId), systemRandom);
  assert.is(await source.renew(used), false);
  await writeFile(path, own);
  await utimes(path, new Date(), new Date());
  assert.is(await source.renew(used), false);

  assert.is(source.current(), used);
  assert.is(warnings.length, 3, warnings.join("; "));
  assert.match(warnings[0] ?? "", "are refused");
  assert.match(warnings[1] ?? "", "has mode 0644");
  assert.match(warnings[2] ?? "", "client bob for server test-server, not of alice for test-server");
  await using client = new SealwireClient({ credentials: source });
  await client.call("batch_sum", { numbers: [1] });
});

test("credentials from a pipe are read once, because opening it again would wait for another writer", async () => {
  await using server = await start();
  const pipe = join(folder, "pipe");
  execFileSync("/usr/bin/mkfifo", ["-m", "600", pipe]);
  const writer = open(pipe, "w").then(async (file) => {
    await delay(50);
    await file.writeFile(formatCredentials(server.credentials("alice")));
    await file.close();
  });
  const source = await fileCredentials({ path: pipe });
  await writer;
  try {
    const renewed = source.renew(source.current());
    assert.is(await Promise.race([renewed, delay(5_000, "it waits", { ref: false })]), false);
    await using client = new SealwireClient({ credentials: source });
    await client.call("batch_sum", { numbers: [1] });
  } finally {
    // Ends a reader that waits.
    await open(pipe, constants.O_RDWR | constants.O_NONBLOCK).then((file) => file.close());
  }
});

test("a revoked key that has no successor is refused once, as before", async () => {
  await using server = await start();
  await using client = await clientOf();
  for (const { keyId } of server.keyRing.document.keys)
    server.keyRing.replace(revokeKey(server.keyRing.document, keyId));
  await rejection("CREDENTIALS_REFUSED", client.call("batch_sum", { numbers: [1] }));
});

test.run();
