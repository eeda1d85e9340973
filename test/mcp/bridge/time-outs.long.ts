import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { CliServer } from "../../cli/cli-process.ts";
import { inFolder } from "../../cli/cli-run.ts";
import { assert, suite } from "../../support/suite.ts";
import { McpProcess } from "./mcp-process-host.ts";
import { TASKS_META, textOf } from "./raw-host.ts";

/* Jobs of 70 s with hosts whose time-out is 60 s. */
const test = suite("mcp/bridge/time-outs");

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");
const SECONDS = 70;
const HOST_TIMEOUT_MS = 60_000;

/** A module with one job that sleeps without a word. */
const TOOLS = `
import { setTimeout as sleep } from "node:timers/promises";
import { DemoToolServiceDefinition } from ${JSON.stringify(join(import.meta.dirname, "../../../gen/sealwire/demo/v1/demo_tool_service.ts"))};
import { implement } from ${JSON.stringify(join(import.meta.dirname, "../../../src/tools/implement.ts"))};
export const tools = [implement(DemoToolServiceDefinition, {
  batchSum: () => ({ count: 0, total: 0 }),
  async startLongTask({ payload }, { signal }) {
    await sleep(${SECONDS * 1000}, undefined, { signal });
    return { payload };
  },
})];
`;

async function inSite(body: (cwd: string, jobs: () => Promise<number>) => Promise<void>): Promise<void> {
  await inFolder(async (cwd) => {
    await writeFile("tools.ts", TOOLS);
    await using server = await CliServer.start(cwd, "--dev", "--tools", "./tools.ts", "--no-demo-tools");
    const jobs = async (): Promise<number> => {
      const { stdout } = await server.run("jobs", "list", "--json");
      return stdout.trim().split("\n").filter(Boolean).length;
    };
    await body(cwd, jobs);
  });
}

async function connect(cwd: string, ...args: readonly string[]): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  const command = { command: process.execPath, args: [MAIN, "mcp", ...args], cwd, stderr: "ignore" as const };
  await client.connect(new StdioClientTransport(command));
  return client;
}

const CALL = { name: "start_long_task", arguments: { seconds: 1, payload: { a: 1 } } };

test("a host without progress gets one result of one job, by wait_for_job", () =>
  inSite(async (cwd, jobs) => {
    const client = await connect(cwd);
    const started = await client.callTool(CALL, { timeout: HOST_TIMEOUT_MS });
    const { job_id } = started.structuredContent as { readonly job_id: string };
    const wait = { name: "wait_for_job", arguments: { job_id } };
    const waited = await client.callTool(wait, { timeout: HOST_TIMEOUT_MS });
    assert.equal(waited.structuredContent, { payload: { a: 1 } });
    assert.is(await jobs(), 1);
    await client.close();
  }));

test("a host that waits on while it hears of progress gets one result of one job, with one call", () =>
  inSite(async (cwd, jobs) => {
    const client = await connect(cwd, "--wait", "2m");
    const options = { timeout: 8_000, resetTimeoutOnProgress: true, onprogress: () => {} };
    const result = await client.callTool(CALL, options);
    assert.equal(result.structuredContent, { payload: { a: 1 } });
    assert.is(await jobs(), 1);
    await client.close();
  }));

test("a host with tasks gets one result of one job", () =>
  inSite(async (cwd, jobs) => {
    await using mcp = new McpProcess([], { cwd });
    const meta = { _meta: TASKS_META };
    const { taskId } = await mcp.host.request("tools/call", { ...CALL, ...meta });
    for (;;) {
      const task = await mcp.host.request("tasks/get", { taskId, ...meta });
      if (task.status === "working") {
        await new Promise((resolve) => setTimeout(resolve, task.pollIntervalMs));
        continue;
      }
      assert.equal([task.status, task.result.structuredContent], ["completed", { payload: { a: 1 } }]);
      break;
    }
    assert.is(await jobs(), 1);
  }));

test("a bridge that is killed at 30 s and started again continues the job", () =>
  inSite(async (cwd, jobs) => {
    {
      await using killed = new McpProcess([], { cwd });
      await killed.host.initialize();
      killed.host.begin("tools/call", CALL);
      await new Promise((resolve) => setTimeout(resolve, 30_000));
      killed.process.child.kill("SIGKILL");
      await killed.process.ended;
    }
    await using mcp = new McpProcess([], { cwd });
    await mcp.host.initialize();
    const repeated = await mcp.host.call(CALL.name, CALL.arguments);
    assert.match(textOf(repeated), "continues an identical earlier one");
    const { job_id } = repeated.structuredContent;
    const result = job_id === undefined ? repeated : await mcp.host.call("wait_for_job", { job_id });
    assert.equal(result.structuredContent, { payload: { a: 1 } });
    assert.is(await jobs(), 1);
  }));

test.run();
