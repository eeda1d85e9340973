import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { CliServer } from "../../cli/cli-process.ts";
import { assert, suite } from "../../support/suite.ts";
import { McpProcess } from "./mcp-process-host.ts";
import { TASKS_META, textOf } from "./raw-host.ts";

/* Jobs of 70 s with hosts whose time-out is 60 s. */
const test = suite("mcp/bridge/time-outs");

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");
const SECONDS = 70;
const HOST_TIMEOUT_MS = 60_000;

const CALL = { name: "work", arguments: { numbers: [1, 2] } };

/** A module with one job that sleeps without a word. */
const TOOLS = `
import { setTimeout as sleep } from "node:timers/promises";
import { testService } from ${JSON.stringify(join(import.meta.dirname, "../../support/test-service.ts"))};
const service = testService({
  Work: {
    job: { maxAttempts: 1 },
    run: async (numbers, { signal }) => {
      await sleep(${SECONDS * 1000}, undefined, { signal });
      return 42;
    },
  },
});
export const tools = [service.tools];
export const descriptors = [service.descriptors];
`;

type Site = (cwd: string, jobs: () => Promise<number>) => Promise<void>;

/** Runs `body` in a folder with a server. */
async function inSite(body: Site): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), "sealwire-time-outs-"));
  try {
    await writeFile(join(cwd, "tools.ts"), TOOLS);
    await using server = await CliServer.start(cwd, "--dev", "--tools", "./tools.ts", "--no-demo-tools");
    const jobs = async (): Promise<number> => {
      const { stdout } = await server.run("jobs", "list", "--json");
      return stdout.trim().split("\n").filter(Boolean).length;
    };
    await body(cwd, jobs);
  } finally {
    await rm(cwd, { recursive: true });
  }
}

/** Adds a test whose site runs beside those of the others, because each takes 70 s. */
function testBeside(name: string, body: Site): void {
  const ran = inSite(body);
  ran.catch(() => {});
  test(name, () => ran);
}

async function connect(cwd: string, ...args: readonly string[]): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  const command = { command: process.execPath, args: [MAIN, "mcp", ...args], cwd, stderr: "ignore" as const };
  await client.connect(new StdioClientTransport(command));
  return client;
}

testBeside("a host without progress gets one result of one job, by wait_for_job", async (cwd, jobs) => {
  const client = await connect(cwd);
  const started = await client.callTool(CALL, { timeout: HOST_TIMEOUT_MS });
  const { job_id } = started.structuredContent as { readonly job_id: string };
  const wait = { name: "wait_for_job", arguments: { job_id } };
  const waited = await client.callTool(wait, { timeout: HOST_TIMEOUT_MS });
  assert.equal(waited.structuredContent, { count: 2, total: 42 });
  assert.is(await jobs(), 1);
  await client.close();
});

testBeside(
  "a host that waits on while it hears of progress gets one result of one job, with one call",
  async (cwd, jobs) => {
    const client = await connect(cwd, "--wait", "2m");
    const options = { timeout: 8_000, resetTimeoutOnProgress: true, onprogress: () => {} };
    const result = await client.callTool(CALL, options);
    assert.equal(result.structuredContent, { count: 2, total: 42 });
    assert.is(await jobs(), 1);
    await client.close();
  },
);

testBeside("a host with tasks gets one result of one job", async (cwd, jobs) => {
  await using mcp = new McpProcess([], { cwd });
  const meta = { _meta: TASKS_META };
  const { taskId } = await mcp.host.request("tools/call", { ...CALL, ...meta });
  for (;;) {
    const task = await mcp.host.request("tasks/get", { taskId, ...meta });
    if (task.status === "working") {
      await new Promise((resolve) => setTimeout(resolve, task.pollIntervalMs));
      continue;
    }
    assert.equal([task.status, task.result.structuredContent], ["completed", { count: 2, total: 42 }]);
    break;
  }
  assert.is(await jobs(), 1);
});

testBeside("a bridge that is killed at 30 s and started again continues the job", async (cwd, jobs) => {
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
  assert.equal(result.structuredContent, { count: 2, total: 42 });
  assert.is(await jobs(), 1);
});

test.run();
