import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { SealwireClient } from "../../src/client/client.ts";
import { buildDescriptors } from "../support/build-descriptors.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { type FaultCall, faultDescriptors, SERVICE, startFaultUpstream } from "./fault-upstream.ts";

/* The contract of an upstream is replaced while the server runs. */
const test = suite("upstream/reload");

const PROTO = join(import.meta.dirname, "proto");
const shorter = buildDescriptors(PROTO, (source) => source.replace("max_len = 100]", "max_len = 5]"));
const more = buildDescriptors(PROTO, (source) =>
  source
    .replace(
      "rpc Act(",
      "rpc Peek(LookRequest) returns (FaultResponse);\n  // A sync tool with side effects.\n  rpc Act(",
    )
    .concat("\n// What a tool is asked for.\nmessage LookRequest {\n  // A text.\n  string what = 1;\n}\n"),
);

let folder: string;
let file: string;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-reload-"));
  file = join(folder, "fault.binpb");
  writeFileSync(file, faultDescriptors());
});
test.after.each(() => rmSync(folder, { recursive: true }));

const asking = new WeakMap<TestServer, SealwireClient>();

async function digestOf(server: TestServer, tool = "act"): Promise<string | undefined> {
  const client = asking.get(server) ?? server.client();
  asking.set(server, client);
  const { tools } = await client.listTools();
  return tools.find(({ name }) => name === tool)?.digest;
}

async function serving(server: TestServer): Promise<void> {
  const client = server.client();
  await eventually("the upstream serves", async () => (await client.health(SERVICE)) === "SERVING");
}

test("a changed contract is in force at once after a reload; calls in flight end by the old one", async () => {
  const held: FaultCall[] = [];
  await using upstream = await startFaultUpstream((call) =>
    call.what === "held" ? held.push(call) : call.send("did"),
  );
  await using server = await startServer({ tools: [], upstreams: [{ ...upstream.options, descriptors: file }] });
  await serving(server);
  const client = server.client();
  const before = await digestOf(server);
  await client.call("act", { what: "123456" });
  const open = client.call("act", { what: "held" });
  await eventually("the call arrives", () => held.length === 1);
  writeFileSync(file, shorter);
  await server.server.reload();
  assert.is.not(await digestOf(server), before);
  await rejection("ARGS_INVALID", server.client().call("act", { what: "123456" }));
  held[0]?.send("by the old contract");
  assert.equal(await (await open).output?.json(), { text: "by the old contract" });
  await client.call("act", { what: "1234" });
});

test("a changed file is found without a reload, and a new tool can be called", async () => {
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  await using server = await startServer({ tools: [], upstreams: [{ ...upstream.options, descriptors: file }] });
  await serving(server);
  writeFileSync(file, more);
  await eventually("the new tool is listed", async () => (await digestOf(server, "peek")) !== undefined);
  // The upstream has another idea of it: contract drift.
  await rejection("INTERNAL", server.client().call("peek", { what: "x" }));
});

test("a broken file keeps the old contract and is logged", async () => {
  const errors: string[] = [];
  const logger = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: { err?: Error }, message?: string) => errors.push(`${message} ${fields.err?.message}`),
    child: () => logger,
  };
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  const upstreams = [{ ...upstream.options, descriptors: file }];
  await using server = await startServer({ tools: [], upstreams, logger });
  await serving(server);
  const before = await digestOf(server);
  const broken = [
    () => writeFileSync(file, "no descriptors"),
    () => writeFileSync(file, faultDescriptors().subarray(0, 900)),
    () => writeFileSync(file, ""),
    () => writeFileSync(file, Buffer.alloc(20 << 20)),
    () => mkdirSync(file),
    () => spawnSync("/usr/bin/mkfifo", [file]),
  ];
  for (const make of broken) {
    errors.length = 0;
    rmSync(file, { recursive: true });
    make();
    await server.server.reload();
    assert.is(await digestOf(server), before);
    assert.match(errors.join("\n"), `The descriptors of the upstream "fault"`);
    await server.client().call("act", { what: "still" });
  }
});

test("a reload that is asked for while another runs reads the files after it", async () => {
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  await using server = await startServer({ tools: [], upstreams: [{ ...upstream.options, descriptors: file }] });
  await serving(server);
  writeFileSync(file, more);
  const first = server.server.reload();
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  writeFileSync(file, shorter);
  await server.server.reload();
  await rejection("ARGS_INVALID", server.client().call("act", { what: "123456" }));
  await first;
});

test("a service that is no longer in the contract is unknown to the health service, and its waiting jobs stay", async () => {
  const renamed = buildDescriptors(PROTO, (source) => source.replace("FaultToolService", "OtherToolService"));
  const held: FaultCall[] = [];
  await using upstream = await startFaultUpstream((call) => held.push(call), { maxConcurrency: 1 });
  await using server = await startServer({ tools: [], upstreams: [{ ...upstream.options, descriptors: file }] });
  await serving(server);
  const client = server.client();
  const start = async (what: string) => client.job((await client.call("work", { what })).job?.jobId ?? "");
  const running = await start("running");
  await eventually("it runs", () => held.length === 1);
  const waiting = await start("waiting");
  writeFileSync(file, renamed);
  await server.server.reload();
  assert.is(await client.health(SERVICE), "SERVICE_UNKNOWN");
  held[0]?.send("done");
  assert.equal(await (await running.result()).json(), { text: "done" });
  assert.is((await waiting.poll()).state, "QUEUED");
  writeFileSync(file, faultDescriptors());
  await server.server.reload();
  await eventually("the other one runs", () => held.length === 2);
  held[1]?.send("done, too");
  assert.equal(await (await waiting.result()).json(), { text: "done, too" });
});

test("the arguments of a claimed job are checked against the contract in force", async () => {
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  const upstreams = [{ ...upstream.options, descriptors: file }];
  await using server = await startServer({ tools: [], upstreams });
  await serving(server);
  upstream.kill();
  const client = server.client();
  await eventually("the upstream is down", async () => (await client.health(SERVICE)) === "NOT_SERVING");
  const { job } = await server.client().call("work", { what: "123456" });
  writeFileSync(file, shorter);
  await server.server.reload();
  await upstream.restart();
  const failed = await rejection(
    "ARGS_INVALID",
    server
      .client()
      .job(job?.jobId ?? "")
      .result(),
  );
  assert.is(failed.violations[0]?.field, "what");
  assert.is(upstream.calls.length, 0);
});

test.run();
