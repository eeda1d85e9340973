import { join } from "node:path";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { AttemptOutcome } from "../../gen/sealwire/operator/v1/job_attempt.ts";
import { OperatorToolServiceDefinition } from "../../gen/sealwire/operator/v1/operator_tool_service.ts";
import type { CallResult } from "../../src/client/calls/call-result.ts";
import { SealwireClient } from "../../src/client/client.ts";
import type { SealwireError } from "../../src/errors.ts";
import { createServer } from "../../src/server/server.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { watchKeyRing } from "../../src/signing/key-ring/file-key-ring.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { createRingFile } from "../../src/signing/key-ring/ring-file.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { inFolder } from "../signing/key-ring/ring-folder.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { testService } from "../support/test-service.ts";

const test = suite("e2e/operator");

const READING = ["describe_job", "list_all_jobs", "list_instances", "list_keys", "read_audit", "server_stats"];
const WRITING = ["cancel_any_job", "retire_key", "revoke_key"];
const SYSTEM = ["cancel_job", "list_jobs", "list_tools", "poll_job", "server_identity", "watch_job", "watch_jobs"];
const DEMO = ["batch_sum", "start_long_task"];

/** A job tool that ends at once for 0, and otherwise when its job is cancelled. */
const { tools: jobTools, descriptors: jobDescriptors } = testService({
  Work: {
    job: {},
    run: ([wait = 0], { signal }) =>
      wait === 0
        ? 42
        : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
  },
});
const JOBS = { tools: [jobTools], descriptors: [jobDescriptors] };

/** Clients of every kind. */
const CLIENTS = {
  app: { tools: ["*"] },
  named: { tools: [...READING, ...WRITING] },
  ann: { role: "operator" },
  bob: { role: "operator", tools: ["batch_*"] },
  vic: { role: "viewer" },
} as const;

const toolsOf = (server: TestServer, clientId: string) => server.client(clientId).tools(OperatorToolServiceDefinition);

/** Everything that the caller of a tool gets to see, but its name. */
async function seen(server: TestServer, clientId: string, tool: string): Promise<string> {
  const type =
    tool === "absent_tool" ? "RetireKey" : tool.replaceAll(/(?:^|_)([a-z])/g, (_, letter) => letter.toUpperCase());
  const typeUrl = `type.googleapis.com/sealwire.operator.v1.${type}Request`;
  // A client that does not look the tool up first.
  const client = server.client(clientId);
  try {
    const value = new Uint8Array();
    return `${((await client.call(tool, { typeUrl, value })) as CallResult).status}`;
  } catch (error) {
    const { reason, status, message, retryable, details, violations } = error as SealwireError;
    return JSON.stringify({ reason, status, message, retryable, details, violations }).replaceAll(tool, "TOOL");
  }
}

test("an ordinary key, whatever its allow-list, can neither list nor call an operator's tool", async () => {
  await using server = await startServer({ clients: CLIENTS });
  for (const clientId of ["app", "named"]) {
    const { tools, descriptorSet } = await server.client(clientId).listTools({ includeDescriptors: true });
    const own = clientId === "app" ? [...SYSTEM, ...DEMO].sort() : SYSTEM;
    assert.equal(
      tools.map(({ name }) => name),
      own,
    );
    assert.not.match(Buffer.from(descriptorSet).toString("latin1"), "sealwire.operator");
    const absent = await seen(server, clientId, "absent_tool");
    assert.match(absent, /TOOL_FORBIDDEN.*does not exist or this key may not call it/);
    for (const tool of [...READING, ...WRITING]) assert.is(await seen(server, clientId, tool), absent, tool);
  }
});

test("a key with a role calls no ordinary tool unless it is given, and is answered as for an absent one", async () => {
  await using server = await startServer({ clients: CLIENTS });
  const listed = async (clientId: string) => (await server.client(clientId).listTools()).tools.map(({ name }) => name);
  assert.equal(await listed("ann"), [...SYSTEM, ...READING, ...WRITING].sort());
  assert.equal(await listed("bob"), [...SYSTEM, ...READING, ...WRITING, "batch_sum"].sort());
  const absent = await seen(server, "ann", "absent_tool");
  for (const tool of DEMO) assert.is(await seen(server, "ann", tool), absent, tool);
  const sum = await server.client("bob").call("batch_sum", { numbers: [1, 2] });
  assert.is(sum.status, "OK");
});

test("a viewer sees the reading tools only; the others do not exist for it", async () => {
  await using server = await startServer({ clients: CLIENTS });
  const { tools } = await server.client("vic").listTools();
  assert.equal(
    tools.map(({ name }) => name),
    [...SYSTEM, ...READING].sort(),
  );
  const absent = await seen(server, "vic", "absent_tool");
  for (const tool of WRITING) assert.is(await seen(server, "vic", tool), absent, tool);
});

test("a server may have a tool with the name of an operator's tool", async () => {
  const { tools, descriptors } = testService({ ListKeys: { idempotent: true, run: (numbers) => numbers.length } });
  await using server = await startServer({ clients: CLIENTS, tools: [tools], descriptors: [descriptors] });
  const { output } = await server.client("app").call("list_keys", { numbers: [1, 2, 3] });
  assert.equal(await output?.json(), { count: 3, total: 3 });
  assert.is((await toolsOf(server, "ann").listKeys({})).keys.length, 5);
});

test("jobs of all clients are listed, described and cancelled", async () => {
  await using server = await startServer({ clients: CLIENTS, ...JOBS, work: { concurrency: 1 } });
  const jobIds: string[] = [];
  for (const wait of [0, 1, 1]) {
    const { job } = await server.client("app").call("work", { numbers: [wait] });
    jobIds.push(job?.jobId ?? "");
  }
  const [done = "", running = "", queued = ""] = jobIds;
  const ops = toolsOf(server, "ann");
  const described = async (jobId: string) => await ops.describeJob({ jobId });
  await eventually("the second job runs", async () => (await described(running)).attempts.length > 0);

  const page = await toolsOf(server, "vic").listAllJobs({ pageSize: 2 });
  assert.equal(
    page.jobs.map(({ clientId, job }) => [clientId, job?.jobId]),
    [
      ["app", queued],
      ["app", running],
    ],
  );
  const { jobs: rest } = await ops.listAllJobs({ pageSize: 2, pageToken: page.nextPageToken });
  assert.equal(
    rest.map(({ job }) => job?.jobId),
    [done],
  );
  assert.is((await ops.listAllJobs({ clientId: "nobody" })).jobs.length, 0);

  const { instance, attempts } = await described(done);
  assert.is(instance, server.store.instanceId);
  assert.equal(
    attempts.map((attempt) => [attempt.attempt, attempt.instance, attempt.outcome]),
    [[1, instance, AttemptOutcome.SUCCEEDED]],
  );
  assert.is((await described(running)).attempts[0]?.endTime, undefined);

  for (const jobId of [running, queued]) await ops.cancelAnyJob({ jobId });
  await eventually("both are cancelled", async () => {
    const { jobs } = await ops.listAllJobs({});
    return jobs.filter(({ job }) => job?.cancelRequested && job.endTime !== undefined).length === 2;
  });
  const { state } = await server.client("app").job(running).poll();
  assert.is(state, "CANCELLED");
  await rejection("JOB_NOT_FOUND", ops.describeJob({ jobId: "none" }));
  await rejection("JOB_NOT_FOUND", ops.cancelAnyJob({ jobId: "none" }));
});

test("arguments and results are shown to operators alone, and only by a server that permits it", async () => {
  for (const operatorPayloads of [false, true]) {
    await using server = await startServer({ clients: CLIENTS, ...JOBS, operatorPayloads });
    const { job } = await server.client("app").call("work", { numbers: [0] });
    const { jobId = "" } = job ?? {};
    await server.client("app").job(jobId).result();
    const ops = toolsOf(server, "ann");
    const plain = await ops.describeJob({ jobId });
    assert.equal([plain.arguments, plain.result], [undefined, undefined]);
    await rejection("TOOL_FORBIDDEN", toolsOf(server, "vic").describeJob({ jobId, includePayloads: true }));
    const open = (await server.client("app").call("work", { numbers: [7] })).job?.jobId ?? "";
    if (operatorPayloads) {
      const running = await ops.describeJob({ jobId: open, includePayloads: true });
      assert.is(running.arguments?.typeUrl, "type.googleapis.com/sealwire.demo.v1.BatchSumRequest");
      assert.equal(BatchSumRequest.decode(running.arguments?.value ?? new Uint8Array()).numbers, [7]);
      assert.is(running.result, undefined);
      const ended = await ops.describeJob({ jobId, includePayloads: true });
      assert.is(ended.arguments, undefined);
      assert.is(BatchSumResponse.decode(ended.result?.value ?? new Uint8Array()).total, 42);
    } else {
      const error = await rejection("TOOL_FAILED", ops.describeJob({ jobId, includePayloads: true }));
      assert.is(error.status, "FAILED_PRECONDITION");
      assert.match(error.message, "--operator-payloads");
    }
  }
});

test("the processes and the numbers of the server that answers", async () => {
  await using server = await startServer({ clients: CLIENTS, ...JOBS });
  const app = server.client("app");
  await rejection(
    "TOOL_FORBIDDEN",
    app.call("absent", { typeUrl: "type.googleapis.com/a.B", value: new Uint8Array() }),
  );
  const { job } = await app.call("work", { numbers: [0] });
  await app.job(job?.jobId ?? "").result();

  const ops = toolsOf(server, "vic");
  const { instance, instances } = await ops.listInstances({});
  assert.equal(
    instances.map(({ id, address, running }) => [id, address, running]),
    [[instance, server.address, 0]],
  );
  const stats = await ops.serverStats({});
  assert.is(stats.instance, instance);
  assert.ok(Number(stats.calls?.calls) >= 3);
  assert.equal(
    stats.calls?.failures.map(({ reason, count }) => [reason, count]),
    [["TOOL_FORBIDDEN", 1n]],
  );
  assert.equal(
    stats.store?.tools.map(({ tool, jobs }) => [tool, jobs.map(({ count }) => count)]),
    [["work", [1n]]],
  );
});

test("keys are shown with role, limits and last use, in pages, and never with a secret", async () => {
  await using server = await startServer({ clients: CLIENTS });
  await server.client("app").call("batch_sum", { numbers: [1] });
  const ops = toolsOf(server, "vic");
  const first = await ops.listKeys({ pageSize: 3 });
  const second = await ops.listKeys({ pageSize: 3, pageToken: first.nextPageToken });
  assert.is(second.nextPageToken, "");
  const keys = [...first.keys, ...second.keys];
  assert.equal(
    keys.map(({ clientId, role, tools, lastUseTime }) => [clientId, role, tools.length, lastUseTime !== undefined]),
    [
      ["app", 0, 1, true],
      ["named", 0, 9, false],
      ["ann", 2, 0, false],
      ["bob", 2, 1, false],
      ["vic", 1, 0, true],
    ],
  );
  const shown = JSON.stringify(keys, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  for (const clientId of Object.keys(CLIENTS)) {
    const { requestKey, responseKey } = server.credentials(clientId);
    for (const key of [requestKey, responseKey])
      for (const form of ["hex", "base64", "base64url"] as const) assert.not.match(shown, key.export().toString(form));
  }
  await rejection("ARGS_INVALID", ops.listKeys({ pageToken: "k_none" }));
});

test("a key is retired and revoked in the file of the ring; the last operator's is kept", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    let document = newKeyRing("s");
    const keyIds: Record<string, string> = {};
    for (const [clientId, role] of [
      ["ann", "operator"],
      ["bob", "operator"],
      ["app", undefined],
    ] as const) {
      const added = addKey(document, { clientId, tools: role ? [] : ["*"], ...(role && { role }) });
      document = added.document;
      keyIds[clientId] = added.keyId;
    }
    await createRingFile(path, document);
    await using store = await openSqliteStore({ path: ":memory:" });
    await using keyRing = await watchKeyRing({ path });
    await using server = await createServer({ keyRing, store, tools: [demoTools()] });
    const { address } = await server.listen("127.0.0.1:0");
    const ring = buildKeyRing(document);
    const open = (clientId: string) => {
      const key = ring.find(keyIds[clientId] ?? "");
      if (key === undefined) throw new Error(`no key of ${clientId}`);
      return new SealwireClient({ credentials: credentialsOf(key, { serverId: "s", address }) });
    };
    await using app = open("app");
    await using ann = open("ann");
    await using bob = open("bob");
    const ops = ann.tools(OperatorToolServiceDefinition);
    await app.call("batch_sum", { numbers: [1] });
    const endTime = { seconds: BigInt(Math.ceil(Date.now() / 1000) + 3600), nanos: 0 };
    const retired = await ops.retireKey({ keyId: keyIds.app ?? "", endTime });
    assert.equal([retired.key?.state, retired.key?.notAfter?.seconds], [2, endTime.seconds]);
    await app.call("batch_sum", { numbers: [1] });
    assert.is((await ops.revokeKey({ keyId: keyIds.app ?? "" })).key?.state, 3);
    await rejection("CREDENTIALS_REFUSED", app.call("batch_sum", { numbers: [1] }));

    await ops.revokeKey({ keyId: keyIds.bob ?? "" });
    await rejection("CREDENTIALS_REFUSED", bob.listTools());
    const keyId = keyIds.ann ?? "";
    for (const last of [() => ops.revokeKey({ keyId }), () => ops.retireKey({ keyId })]) {
      const error = await rejection("TOOL_FAILED", last());
      assert.is(error.status, "FAILED_PRECONDITION");
      assert.match(error.message, "last valid operator's key");
    }
    const missing = await rejection("TOOL_FAILED", ops.revokeKey({ keyId: "k_none" }));
    assert.is(missing.status, "NOT_FOUND");
  }));

test("a time that is none is refused with its field, before anything is asked of store or key ring", async () => {
  await using server = await startServer({ clients: CLIENTS });
  const ops = toolsOf(server, "ann");
  const { keyId } = server.credentials("app");
  for (const time of [
    { seconds: 2n ** 62n, nanos: 0 },
    { seconds: -(2n ** 62n), nanos: 0 },
    { seconds: 253_402_300_800n, nanos: 0 },
    { seconds: -62_135_596_801n, nanos: 0 },
    { seconds: 0n, nanos: -1 },
    { seconds: 0n, nanos: 1_000_000_000 },
  ]) {
    for (const [field, call] of [
      ["since", () => ops.listAllJobs({ since: time })],
      ["before", () => ops.listAllJobs({ before: time })],
      ["since", () => ops.readAudit({ since: time })],
      ["end_time", () => ops.retireKey({ keyId, endTime: time })],
    ] as const) {
      const { violations } = await rejection("ARGS_INVALID", call());
      assert.is(violations[0]?.field, field);
    }
  }
});

test("a ring in memory is not changed, and a server without an audit log says so", async () => {
  await using server = await startServer({ clients: CLIENTS });
  const ops = toolsOf(server, "ann");
  const keyId = server.credentials("app").keyId;
  assert.match((await rejection("TOOL_FAILED", ops.revokeKey({ keyId }))).message, "held by its program");
  assert.match((await rejection("TOOL_FAILED", ops.readAudit({}))).message, "keeps no audit log");
});

test.run();
