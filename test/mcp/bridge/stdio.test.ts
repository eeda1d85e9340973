import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { CliServer } from "../../cli/cli-process.ts";
import { inFolder, run } from "../../cli/cli-run.ts";
import { eventually } from "../../support/eventually.ts";
import { assert, suite } from "../../support/suite.ts";
import { McpProcess } from "./mcp-process-host.ts";
import { textOf } from "./raw-host.ts";

const test = suite("mcp/bridge/stdio");

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");

/** Starts a bridge in the folder, as hosts do. */
function bridgeIn(cwd: string): StdioClientTransport {
  return new StdioClientTransport({ command: process.execPath, args: [MAIN, "mcp"], cwd, stderr: "ignore" });
}

for (const mode of ["legacy", "auto"] as const) {
  test(`the client of the SDK lists and calls tools, negotiating by "${mode}"`, () =>
    inFolder(async (cwd) => {
      await using _server = await CliServer.start(cwd, "--dev");
      const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
      await client.connect(bridgeIn(cwd));
      assert.is(client.getNegotiatedProtocolVersion(), mode === "auto" ? "2026-07-28" : "2025-11-25");
      const { tools } = await client.listTools();
      assert.ok(tools.some(({ name }) => name === "batch_sum"));
      const sum = await client.callTool({ name: "batch_sum", arguments: { numbers: [1, 2] } });
      assert.equal(sum.structuredContent, { count: 2, total: 3 });
      const bad = await client.callTool({ name: "batch_sum", arguments: {} });
      assert.is(bad.isError, true);
      const task = await client.callTool({ name: "start_long_task", arguments: { seconds: 1, payload: { a: 1 } } });
      assert.equal(task.structuredContent, { payload: { a: 1 } });
      await client.close();
    }));
}

test("a job outlives the client's time-out: the next identical call gets its result, and there is one job", () =>
  inFolder(async (cwd) => {
    await using server = await CliServer.start(cwd, "--dev");
    const client = new Client({ name: "test", version: "1" });
    await client.connect(bridgeIn(cwd));
    const call = { name: "start_long_task", arguments: { seconds: 3 } };
    const late = await client.callTool(call, { timeout: 300 }).catch((thrown) => thrown);
    assert.match(late.message, "timed out");
    const result = await client.callTool(call);
    assert.match(textOf(result as never), "continues an identical earlier one");
    await client.close();
    const { stdout } = await server.run("jobs", "list", "--json");
    assert.is(stdout.trim().split("\n").length, 1, stdout);
  }));

test("stdin ends with three calls in flight: three answers, exit 0", () =>
  inFolder(async (cwd) => {
    await using _server = await CliServer.start(cwd, "--dev");
    await using mcp = new McpProcess(["--wait", "1s"], { cwd });
    await mcp.host.initialize();
    const calls = [
      mcp.host.begin("tools/call", { name: "batch_sum", arguments: { numbers: [1, 2] } }),
      mcp.host.begin("tools/call", { name: "start_long_task", arguments: { seconds: 1 } }),
      mcp.host.begin("tools/call", { name: "start_long_task", arguments: { seconds: 20 } }),
    ];
    mcp.host.input.end();
    const { code } = await mcp.process.ended;
    const answers = await Promise.all(calls.map(({ answer }) => answer));
    assert.is(code, 0);
    assert.equal(answers[0]?.result.structuredContent, { count: 2, total: 3 });
    assert.ok(answers[2]?.result.structuredContent.job_id);
    assert.equal(mcp.strangeLines, []);
  }));

test("SIGTERM answers what is in flight, cancels no job, and exits with 0", () =>
  inFolder(async (cwd) => {
    await using server = await CliServer.start(cwd, "--dev");
    await using mcp = new McpProcess(["--wait", "500ms", "--on-cancel", "job"], { cwd });
    await mcp.host.initialize();
    const { structuredContent } = await mcp.host.call("start_long_task", { seconds: 20 });
    mcp.process.child.kill("SIGTERM");
    assert.is((await mcp.process.ended).code, 0);
    const { stdout } = await server.run("jobs", "get", structuredContent.job_id, "--json");
    assert.is(JSON.parse(stdout).job.state, "JOB_STATE_RUNNING");
  }));

test("after kill -9 wait_for_job still answers, and the repeated call continues: one job", () =>
  inFolder(async (cwd) => {
    await using server = await CliServer.start(cwd, "--dev");
    const args = { seconds: 4, payload: { secret: "words" } };
    const jobs = async () => {
      const { stdout } = await server.run("jobs", "list", "--json");
      return stdout.trim().split("\n").filter(Boolean);
    };
    {
      await using killed = new McpProcess([], { cwd });
      await killed.host.initialize();
      killed.host.begin("tools/call", { name: "start_long_task", arguments: args });
      await eventually("the job is there", async () => (await jobs()).length === 1);
      killed.process.child.kill("SIGKILL");
      await killed.process.ended;
    }
    const folder = join(cwd, ".sealwire/mcp-calls");
    assert.is(statSync(folder).mode & 0o777, 0o700);
    for (const name of readdirSync(folder)) {
      assert.is(statSync(join(folder, name)).mode & 0o777, 0o600, name);
      assert.not.match(readFileSync(join(folder, name), "latin1"), "words");
    }
    await using mcp = new McpProcess([], { cwd });
    await mcp.host.initialize();
    const [job = ""] = await jobs();
    const { jobId } = JSON.parse(job).job;
    const waiting = await mcp.host.call("wait_for_job", { job_id: jobId, seconds: 0 });
    // By now the job may be over.
    const { job_id = jobId } = waiting.structuredContent;
    assert.equal([job_id, waiting.isError], [jobId, undefined]);
    const repeated = await mcp.host.call("start_long_task", args);
    assert.equal(repeated.structuredContent, { payload: { secret: "words" } });
    assert.match(textOf(repeated), "continues an identical earlier one");
    assert.is((await jobs()).length, 1);
  }));

test("lines that are no messages are answered, and the host goes on", () =>
  inFolder(async (cwd) => {
    await using _server = await CliServer.start(cwd, "--dev");
    await using mcp = new McpProcess([], { cwd });
    await mcp.host.initialize();
    mcp.host.sendText('{"jsonrpc":\n');
    mcp.host.sendText('[1]\n\n{"jsonrpc":"1.0","id":7,"method":"ping"}\n');
    mcp.host.sendText(`"${"a".repeat(4 * 1024 * 1024)}"\n`);
    assert.equal(await mcp.host.request("ping"), {});
    const refused = mcp.host.received.flatMap(({ id, error }) => (error ? [[id, error.code]] : []));
    assert.equal(refused, [
      [null, -32700],
      [null, -32600],
      [7, -32600],
      [null, -32600],
    ]);
    assert.equal(mcp.strangeLines, []);
  }));

test("a wrong command line writes nothing to stdout", () =>
  inFolder(async () => {
    for (const [args, said] of [
      [["--nope"], "unknown option"],
      [["extra"], "too many arguments"],
      [["--wait", "soon"], "time span"],
      [["--on-cancel", "both"], "job, detach"],
      [[], "There are no credentials"],
      [["--token-file", "tokens"], "--listen"],
      [["--tls-cert", "cert.pem"], "--listen"],
      [["--listen", "127.0.0.1:0"], "--token-file FILE"],
      [["--listen", "0.0.0.0:0", "--token-file", "tokens"], "--tls-cert"],
      [["--listen", "127.0.0.1:0", "--token-file", "missing"], "there is no such file"],
      [["--listen", "127.0.0.1:0", "--token-file", "missing", "--credentials", "a"], "Leave out --credentials"],
    ] as const) {
      const { code, stdout, stderr } = await run(["mcp", ...args]);
      assert.equal([code, stdout], [2, ""], args.join(" "));
      assert.match(stderr, said, args.join(" "));
    }
  }));

test("credentials that cannot be used write nothing to stdout either", () =>
  inFolder(async (cwd) => {
    await using _server = await CliServer.start(cwd, "--dev");
    const wrong = await run(["mcp", "--prefix", "no good"]);
    assert.equal([wrong.code, wrong.stdout], [2, ""], wrong.stderr);
    assert.match(wrong.stderr, "prefix");
  }));

test.run();
