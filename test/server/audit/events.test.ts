import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealwireError } from "../../../src/errors.ts";
import { storeUnavailable } from "../../../src/jobs/unavailable.ts";
import { addKey, retireKey, revokeKey, rotateServerSecret } from "../../../src/signing/key-ring/changes.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { CALL_METHOD } from "../../../src/wire/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { RawClient } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../../support/test-service.ts";

/* Known traffic gives exactly its lines. */
const test = suite("server/audit/events");

type Line = Readonly<Record<string, unknown>> & {
  readonly action: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly actor?: { readonly client?: string };
  readonly target?: { readonly id: string };
};

/** A line in short: action, outcome, reason, client, target. */
function short({ action, outcome, reason, actor, target }: Line): string {
  return [action, outcome, reason ?? "-", actor?.client ?? "-", target?.id ?? "-"].join(" ");
}

const args = (value: Uint8Array) => ({ type: TEST_INPUT, value });

test("known traffic gives exactly the lines of its events", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-events-"));
  const file = join(folder, "audit.log");
  const linesOf = (): Line[] =>
    readFileSync(file, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  const { tools, descriptors } = testService({
    Sum: { run: (numbers) => numbers.length },
    Fail: {
      run: () => {
        throw new SealwireError("TOOL_FAILED", "no");
      },
    },
    Again: { idempotent: true, run: () => 1 },
    Job: { job: {}, run: () => 1 },
    BadJob: {
      job: { maxAttempts: 2, initialBackoff: { seconds: 0n, nanos: 1_000_000 } },
      run: () => {
        throw new SealwireError("TOOL_FAILED", "no", { retryable: true });
      },
    },
    Hang: {
      job: {},
      run: (_numbers, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    },
  });
  const wanted: string[] = [];
  const want = (...lines: readonly string[]) => void wanted.push(...lines);
  {
    await using server = await startServer({
      tools: [tools],
      descriptors: [descriptors],
      audit: { to: file },
      clients: {
        ann: {},
        bob: { tools: ["sum"] },
        slow: { limits: { callsPerSecond: 0.001, burst: 1 } },
        full: { limits: { openJobs: 0 } },
      },
    });
    want(`log.open succeeded - - ${file}`);
    using ann = new RawClient(server.address, server.credentials("ann"));
    using bob = new RawClient(server.address, server.credentials("bob"));
    using slow = new RawClient(server.address, server.credentials("slow"));
    using full = new RawClient(server.address, server.credentials("full"));
    const input = args(testArgs(1, 2));

    await ann.call({ tool: "sum", ...input, requestId: "r-sum" });
    want("call.begin begun - ann sum", "call.end succeeded - ann sum");
    await ann.call({ tool: "sum", ...input, requestId: "r-sum" });
    want("call.repeat succeeded - ann sum");
    await ann.call({ tool: "sum", ...args(testArgs(3)), requestId: "r-sum" });
    want("call.refuse refused REQUEST_ID_REUSED ann sum");
    await ann.call({ tool: "fail", ...input });
    want("call.begin begun - ann fail", "call.end failed TOOL_FAILED ann fail");
    await ann.call({ tool: "again", ...input });
    want("call.begin begun - ann again", "call.end succeeded - ann again");
    // Without side effects, and refused for another reason: no line.
    await ann.call({
      tool: "list_tools",
      type: "sealwire.system.v1.ListToolsRequest",
    });
    await ann.call({ tool: "sum", ...input, value: Buffer.of(255) });

    await bob.call({ tool: "fail", ...input });
    want("call.refuse refused TOOL_FORBIDDEN bob fail");
    await bob.call({ tool: "sum", ...input, clientId: "ann" });
    want("call.refuse refused CLIENT_MISMATCH ann sum");
    await bob.call({ tool: "sum", ...input, serverId: "other" });
    want("call.refuse refused AUDIENCE_MISMATCH bob sum");
    await bob.call({ tool: "sum", ...input, tsMs: 1 });
    want("call.refuse refused CLOCK_SKEW bob sum");
    const nonce = Buffer.alloc(24, 9);
    await bob.call({ tool: "sum", ...input, nonce });
    want("call.begin begun - bob sum", "call.end succeeded - bob sum");
    await bob.call({ tool: "sum", ...input, nonce });
    want("call.refuse refused REPLAYED bob sum");
    await slow.call({ tool: "sum", ...input });
    want("call.begin begun - slow sum", "call.end succeeded - slow sum");
    await slow.call({ tool: "sum", ...input });
    want("call.refuse refused RATE_LIMITED slow sum");
    await full.call({ tool: "job", ...input });
    want("call.begin begun - full job", "call.end refused QUOTA_EXCEEDED full job");
    for (let i = 0; i < 3; i += 1) {
      const frame = { method: CALL_METHOD, frame: Buffer.alloc(43, 1), signature: new Uint8Array(32), requestId: "" };
      await ann.send(frame);
    }
    want("call.refuse refused SIGNATURE_INVALID - -");

    const client = server.client("ann");
    await client.call("job", { numbers: [1] });
    await client.call("bad_job", { numbers: [1] });
    want("call.begin begun - ann job", "call.end accepted - ann job");
    want("job.start begun - ann job", "job.end succeeded - ann job");
    want("call.begin begun - ann bad_job", "call.end accepted - ann bad_job", "job.start begun - ann bad_job");
    want("job.requeue failed TOOL_FAILED ann bad_job", "job.start begun - ann bad_job");
    want("job.end failed TOOL_FAILED ann bad_job");
    const { job } = await client.call("hang", { numbers: [1] });
    await eventually("the start", () => linesOf().some((line) => short(line) === "job.start begun - ann hang"));
    await client.call("cancel_job", { jobId: job?.jobId ?? "" });
    want("call.begin begun - ann hang", "call.end accepted - ann hang", "job.start begun - ann hang");
    want("call.begin begun - ann cancel_job", "call.end succeeded - ann cancel_job");
    want("job.end cancelled CANCELLED ann hang");
    await eventually("the ends of jobs", () => linesOf().filter(({ action }) => action === "job.end").length === 3);
    const cancels = linesOf().filter(({ target }) => target?.id === "cancel_job");
    assert.equal(
      cancels.map(({ job_id }) => job_id),
      [job?.jobId, job?.jobId],
    );

    const { keyRing } = server;
    const added = addKey(keyRing.document, { clientId: "new", tools: ["*"] });
    const { keyId } = added;
    keyRing.replace(added.document);
    want(`key.add succeeded - - ${keyId}`);
    keyRing.replace(retireKey(keyRing.document, { keyId }));
    want(`key.retire succeeded - - ${keyId}`);
    keyRing.replace(revokeKey(keyRing.document, keyId));
    want(`key.revoke succeeded - - ${keyId}`);
    const keys = keyRing.document.keys.map((key) => (key.clientId === "bob" ? { ...key, tools: ["*"] } : key));
    keyRing.replace({ ...keyRing.document, keys });
    want(`key.change succeeded - - ${server.credentials("bob").keyId}`);
    keyRing.replace({ ...keyRing.document, keys: keys.filter((key) => key.keyId !== keyId) });
    want(`key.remove succeeded - - ${keyId}`);
    keyRing.replace(rotateServerSecret(keyRing.document));
    const [secret] = keyRing.document.serverSecrets.slice(-1);
    want(`secret.change succeeded - - ${secret?.id}`);
    want(`log.close succeeded - - ${file}`);
  }
  const lines = linesOf();
  rmSync(folder, { recursive: true });
  assert.equal(lines.map(short).sort(), wanted.sort());
  const strangers = lines.find(({ reason }) => reason === "SIGNATURE_INVALID");
  assert.is(strangers?.count, 3);
  const [begin, end] = lines.filter(({ request_id }) => request_id === "r-sum");
  assert.is(begin?.args_sha256, end?.args_sha256);
  assert.match(String(begin?.args_sha256), /^[0-9a-f]{64}$/);
  assert.ok(new Set(wanted.map((line) => line.replace(/k_\S+/, "key"))).size >= 30);
});

test("a call of a tool has its lines, whatever the package of its contract is called", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-events-"));
  const file = join(folder, "audit.log");
  for (const name of ["sealwire.operator.shop.v1", "sealwire.system.shop.v1"]) {
    const { tools, descriptors } = testService({ Pay: { run: () => 1 } }, name);
    {
      await using server = await startServer({ tools: [tools], descriptors: [descriptors], audit: { to: file } });
      assert.is((await server.client().call("pay", { numbers: [1] })).ok, true);
    }
    const lines = readFileSync(file, "utf8");
    assert.is(lines.match(/"action":"call\.begin"/g)?.length, 1, name);
    rmSync(file);
  }
  rmSync(folder, { recursive: true });
});

test("a key with very many tools has a short line, after which the log goes on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-events-"));
  const file = join(folder, "audit.log");
  const patterns = Array.from({ length: 9_000 }, (_, n) => `${"x".repeat(120)}${n}`);
  {
    await using server = await startServer({ audit: { to: file } });
    const { document, keyId } = addKey(server.keyRing.document, { clientId: "new", tools: patterns });
    server.keyRing.replace(document);
    const keys = document.keys.map((key) => (key.keyId === keyId ? { ...key, tools: patterns.slice(1) } : key));
    server.keyRing.replace({ ...document, keys });
  }
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  assert.ok(Math.max(...lines.map(({ length }) => length)) < 65_536);
  const changes = lines.map((line) => JSON.parse(line)).filter(({ action }) => action.startsWith("key."));
  assert.equal(
    changes.map(({ action }) => action),
    ["key.add", "key.change"],
  );
  assert.equal([changes[0].details.key.tools.length, changes[0].details.key.tools_count], [100, 9_000]);
  {
    await using _server = await startServer({ audit: { to: file } });
  }
  rmSync(folder, { recursive: true });
});

/** An object as it is, but for some of its members. */
function withMembers<T extends object>(target: T, members: Partial<T>): T {
  const value = (name: string | symbol): unknown => Reflect.get(Object.hasOwn(members, name) ? members : target, name);
  return new Proxy(target, {
    get: (_, name) => {
      const found = value(name);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}

test("a call whose job may have been accepted, because the store did not answer, ends as unknown", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-events-"));
  const file = join(folder, "audit.log");
  {
    await using store = await openSqliteStore({ path: join(folder, "store.db") });
    // The connection to the store is lost after the commit.
    const jobs = withMembers(store.jobs, {
      async submit(spec) {
        await store.jobs.submit(spec);
        throw storeUnavailable("the connection was lost");
      },
    });
    await using server = await startServer({ store: withMembers(store, { jobs }), audit: { to: file } });
    await rejection("UNAVAILABLE", server.client().call("start_long_task", { seconds: 1 }, { timeoutMs: 500 }));
  }
  const ends = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.includes('"action":"call.end"'))
    .map((line) => JSON.parse(line));
  assert.ok(ends.length > 0);
  for (const { outcome, reason } of ends) assert.equal([outcome, reason], ["unknown", "UNAVAILABLE"]);
  rmSync(folder, { recursive: true });
});

test.run();
