// test-limit-ms: 240000
import { setTimeout as sleep } from "node:timers/promises";
import { CliProcess } from "../../cli/cli-process.ts";
import { assert, suite } from "../../support/suite.ts";
import { testService } from "../../support/test-service.ts";
import { type Bridged, startBridged } from "./bridged.ts";
import { installMcpPrograms } from "./packages.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/* Jobs of 70 s with hosts of others whose time-out is 60 s, and which take a job as a task. */
const test = suite("interop/mcp/long-jobs");

const SECONDS = 70;
const RESULT = { count: 2, total: 42 };

const { tools, descriptors } = testService({
  Work: {
    job: { maxAttempts: 1 },
    run: async (_numbers, { signal }) => {
      await sleep(SECONDS * 1000, undefined, { signal });
      return RESULT.total;
    },
  },
});

/** Adds a test whose job runs beside those of the others. */
function testBeside(name: string, body: (bridged: Bridged) => Promise<void>): void {
  const ran = (async () => {
    await using bridged = await startBridged({ tools: [tools], descriptors: [descriptors] });
    await body(bridged);
    assert.is(await bridged.jobs(), 1);
  })();
  ran.catch(() => {});
  test(name, () => ran);
}

/** What of the client of the SDK 1.x is used here. */
interface Client1 {
  connect(transport: unknown): Promise<void>;
  close(): Promise<void>;
  readonly experimental: {
    readonly tasks: {
      callToolStream(
        params: object,
        schema: undefined,
        options: object,
      ): AsyncIterable<{
        readonly type: "taskCreated" | "taskStatus" | "result" | "error";
        readonly result?: { readonly structuredContent: unknown };
        readonly error?: Error;
      }>;
    };
  };
}

testBeside("the client of the SDK 1.x gets one task, and one result of one job", async ({ endpoint, token }) => {
  const { client1, transport1 } = await installMcpPrograms();
  const { Client } = (await import(client1)) as { readonly Client: new (...args: readonly object[]) => Client1 };
  const { StreamableHTTPClientTransport } = await import(transport1);
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities: { tasks: {} } });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit }));
  const call = { name: "work", arguments: { numbers: [1, 2] } };
  const seen: string[] = [];
  for await (const message of client.experimental.tasks.callToolStream(call, undefined, { task: {} })) {
    if (seen.at(-1) !== message.type) seen.push(message.type);
    if (message.error !== undefined) throw message.error;
    if (message.result !== undefined) assert.equal(message.result.structuredContent, RESULT);
  }
  assert.equal(seen, ["taskCreated", "taskStatus", "result"]);
  await client.close();
});

testBeside("the inspector gets one result of one job, by a task of 2026-07-28", async ({ endpoint, token }) => {
  const { inspector } = await installMcpPrograms();
  await using home = await temporaryFolder();
  const access = [endpoint, "--transport", "http", "--header", `Authorization: Bearer ${token}`];
  const call = ["--method", "tools/call", "--tool-name", "work", "--tool-arg", "numbers=[1,2]", "--format", "json"];
  await using run = new CliProcess(["--cli", ...access, "--protocol-era", "modern", ...call], {
    cwd: home.path,
    env: { HOME: home.path },
    main: inspector,
  });
  const { code, stdout, stderr } = await run.ended;
  assert.is(code, 0, stderr);
  assert.equal(JSON.parse(stdout).result.structuredContent, RESULT);
});

test.run();
