import type { LineWriter } from "../../../src/audit/sink.ts";
import { DEFAULT_JOB_POLICY } from "../../../src/tools/job-policy.ts";
import { eventually } from "../../support/eventually.ts";
import { RawClient } from "../../support/raw-client.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../../support/test-service.ts";

const test = suite("server/audit/required");

/** A place for lines that can be made to fail. */
class Place {
  isFull = false;
  readonly text: string[] = [];
  readonly write: LineWriter = async (lines) => {
    if (this.isFull) throw new Error("no space");
    this.text.push(Buffer.from(lines).toString());
  };

  /** The lines in short. */
  actions(): string[] {
    const lines = this.text.join("").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as { action: string }).map(({ action }) => action);
  }
}

/** Starts a server with a sync tool, a job tool and one without side effects, each of which counts its runs. */
async function start(required: boolean) {
  const place = new Place();
  const runs: string[] = [];
  const run = (name: string) => () => runs.push(name);
  const { tools, descriptors } = testService({
    Once: { run: run("once") },
    Again: { idempotent: true, run: run("again") },
    Job: { job: {}, run: run("job") },
  });
  const audit = { to: place.write, required };
  const server = await startServer({ tools: [tools], descriptors: [descriptors], audit });
  const raw = new RawClient(server.address, server.credentials());
  const call = (tool: string, requestId?: string) =>
    raw.call({ tool, type: TEST_INPUT, value: testArgs(1), ...(requestId !== undefined && { requestId }) });
  return { server, raw, call, place, runs };
}

test("while a required log cannot be written, nothing with side effects begins, and all goes on afterwards", async () => {
  const { server, raw, call, place, runs } = await start(true);
  await using _server = server;
  using _raw = raw;
  place.isFull = true;
  for (const tool of ["once", "again", "job", "once"]) {
    const { reason, responses } = await call(tool, `r-${tool}`);
    assert.is(reason, "UNAVAILABLE", tool);
    assert.ok(responses[0]?.error?.retryDelay !== undefined, tool);
  }
  const list = await raw.call({ tool: "list_tools", type: "sealwire.system.v1.ListToolsRequest" });
  assert.is(list.code, 0);
  assert.equal(runs, []);
  place.isFull = false;
  // The intent of the refused call was given up, so that the same request begins.
  await eventually("a call that begins", async () => (await call("once", "r-once")).code === 0);
  assert.is((await call("job", "r-job")).code, 0);
  await eventually("the job", () => runs.includes("job"));
  assert.equal(runs, ["once", "job"]);
  await eventually("the end", () => place.actions().includes("job.end"));
  assert.is(place.actions().filter((action) => action === "log.resume").length, 1);
});

test("a job that was accepted before is not started meanwhile", async () => {
  const { server, raw, call, place, runs } = await start(true);
  await using _server = server;
  using _raw = raw;
  place.isFull = true;
  assert.is((await call("once")).reason, "UNAVAILABLE");
  await server.store.jobs.submit({
    ...{ owner: "alice", requestId: "direct", intentDigest: Buffer.alloc(32), tool: "job", args: testArgs(1) },
    policy: DEFAULT_JOB_POLICY,
    openJobsMax: 10,
  });
  assert.is((await call("once")).reason, "UNAVAILABLE");
  assert.equal(runs, []);
  place.isFull = false;
  await eventually("the job", () => runs.includes("job"));
});

test("a log that is not required holds nobody up, and lines beyond its memory are lost and told", async () => {
  const { server, raw, call, place, runs } = await start(false);
  await using _server = server;
  using _raw = raw;
  place.isFull = true;
  for (let i = 0; i < 5; i += 1) assert.is((await call("again")).code, 0);
  assert.is(runs.length, 5);
  place.isFull = false;
  await eventually("the lines", () => place.actions().filter((action) => action === "call.end").length === 5);
  assert.equal(place.actions().filter((action) => action === "call.begin").length, 5);
});

test("strangers write a bounded number of lines, whatever they send", async () => {
  const { server, raw, place } = await start(true);
  {
    await using _server = server;
    using _raw = raw;
    const frame = { method: "/sealwire.v1.ToolService/Call", signature: new Uint8Array(32), requestId: "" };
    for (let i = 0; i < 300; i += 1) await raw.send({ ...frame, frame: Buffer.alloc(43, i % 251) });
  }
  assert.equal(place.actions(), ["log.open", "call.refuse", "log.close"]);
  assert.match(place.text.join(""), '"count":300');
});

test.run();
