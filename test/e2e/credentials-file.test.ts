import { chmod, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SealwireClient } from "../../src/client/client.ts";
import { fileCredentials } from "../../src/client/credentials-source.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { addKey, revokeKey, rotateKey } from "../../src/signing/key-ring/changes.ts";
import {
  type ClientCredentials,
  credentialsOf,
  formatCredentials,
  replaceCredentials,
} from "../../src/signing/key-ring/credentials.ts";
import { startTestServer, type TestServer } from "../../src/testing/test-server.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
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
  await using client = await clientOf();
  const { job } = await client.call("start_long_task", { seconds: 2 });
  assert.ok(job);
  const states: string[] = [];
  for await (const { state, progress } of client.job(job.jobId).watch()) {
    states.push(state);
    if (state === "RUNNING" && progress !== undefined && states.length < 4) await replaceKey(server);
  }
  assert.is(states.at(-1), "SUCCEEDED");
});

test("a file that cannot be used, or is another client's, changes nothing and is logged", async () => {
  await using server = await start();
  const warnings: string[] = [];
  const logger = {
    ...silent,
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

test("a revoked key that has no successor is refused once, as before", async () => {
  await using server = await start();
  await using client = await clientOf();
  for (const { keyId } of server.keyRing.document.keys)
    server.keyRing.replace(revokeKey(server.keyRing.document, keyId));
  await rejection("CREDENTIALS_REFUSED", client.call("batch_sum", { numbers: [1] }));
});

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

test.run();
