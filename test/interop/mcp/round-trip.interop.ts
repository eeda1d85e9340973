// test-limit-ms: 300000
import { join } from "node:path";
import type { Tool } from "@modelcontextprotocol/client";
import { offeredName } from "../../../src/mcp/servers/tool-definition.ts";
import { ROOT } from "../../architecture/source-files.ts";
import { assert, suite } from "../../support/suite.ts";
import { type CliBridge, mcpServer, ownMcpServer, startCliBridge } from "./cli-bridge.ts";
import { contents } from "./contents.ts";
import { comparable, EVERYTHING_CALLS } from "./everything-calls.ts";
import { type Host, httpHost, stdioHost } from "./host.ts";
import { installMcpPrograms } from "./packages.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/* An MCP server behind Sealwire, and Sealwire behind the bridge: a host sees what it sees when it talks to the server. */
const test = suite("interop/mcp/round-trip");

const SERVER = { name: "everything" };
/** The jobs among the tools of the everything-server. */
const JOBS = ["trigger-long-running-operation", "simulate-research-query"];
const MAIN = join(ROOT, "src/cli/main.ts");

/** How a host talks to the bridge. */
const WAYS = ["HTTP, legacy", "HTTP, 2026-07-28", "stdio, legacy", "stdio, 2026-07-28"] as const;
type Way = (typeof WAYS)[number];

const parts = new AsyncDisposableStack();
let direct: Host;
let bridge: CliBridge;
let bridged: Record<Way, Host>;

test.before(async () => {
  const { everything } = await installMcpPrograms();
  const { path: cwd } = parts.use(await temporaryFolder());
  direct = parts.use(await stdioHost([process.execPath, everything, "stdio"], cwd, "legacy"));
  bridge = parts.use(
    await startCliBridge([
      ...["--mcp-server", mcpServer(SERVER.name, process.execPath, everything, "stdio")],
      ...["--mcp-trust-annotations", SERVER.name],
      ...["--mcp-job", offered("trigger-long-running-operation")],
      ...["--mcp-server", ownMcpServer("json_schema", "schema-server-process.ts")],
      ...["--mcp-server", ownMcpServer("test", "content-server-process.ts")],
    ]),
  );
  const command = [process.execPath, MAIN, "mcp", "--credentials", bridge.credentials];
  const { endpoint, token, folder } = bridge;
  bridged = {
    "HTTP, legacy": parts.use(await httpHost(endpoint, token, "legacy")),
    "HTTP, 2026-07-28": parts.use(await httpHost(endpoint, token, "2026-07-28")),
    "stdio, legacy": parts.use(await stdioHost(command, folder, "legacy")),
    "stdio, 2026-07-28": parts.use(await stdioHost(command, folder, "2026-07-28")),
  };
});
test.after(() => parts.disposeAsync());

function offered(tool: string): string {
  return offeredName(SERVER, tool);
}

function find({ tools }: Host, name: string): Tool | undefined {
  return tools.find((tool) => tool.name === name);
}

for (const way of WAYS) {
  test(`${way}: every tool is listed as the server lists it, in its own words`, () => {
    const host = bridged[way];
    const names = host.tools.map(({ name }) => name).filter((name) => name.startsWith("everything_"));
    assert.equal(names, direct.tools.map(({ name }) => offered(name)).sort());
    for (const { name, title, description = "", inputSchema, outputSchema, annotations } of direct.tools) {
      const listed = find(host, offered(name));
      assert.is(listed?.title, title, name);
      assert.equal(listed?.inputSchema, inputSchema, name);
      assert.equal(listed?.outputSchema, outputSchema, name);
      const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations ?? {};
      if (readOnlyHint) assert.is(listed?.annotations?.readOnlyHint, true, name);
      else if (idempotentHint) assert.is(listed?.annotations?.idempotentHint, true, name);
      assert.is(listed?.annotations?.destructiveHint, destructiveHint, name);
      assert.is(listed?.annotations?.openWorldHint, openWorldHint, name);
      if (JOBS.includes(name)) assert.match(listed?.description ?? "", description);
      else assert.is(listed?.description, description, name);
    }
  });

  for (const { tool, args = {}, kinds } of EVERYTHING_CALLS) {
    test(`${way}: ${tool} ${JSON.stringify(args)} has the result of the server`, async () => {
      const expected = await direct.call(tool, args);
      assert.equal(
        expected.content.map(({ type }) => type),
        kinds,
      );
      assert.equal(comparable(await bridged[way].call(offered(tool), args)), comparable(expected));
    });
  }
}

test("every tool of the everything-server was compared", () => {
  const compared = new Set([...EVERYTHING_CALLS.map(({ tool }) => tool), "get-env", "simulate-research-query"]);
  assert.equal(direct.tools.map(({ name }) => name).sort(), [...compared].sort());
});

test("the environment of a server is not that of Sealwire", async () => {
  const { content } = await bridged["HTTP, 2026-07-28"].call(offered("get-env"), {});
  const [block] = content;
  const environment = JSON.parse(block?.type === "text" ? block.text : "") as Record<string, string>;
  assert.is(environment.PATH, process.env.PATH);
  assert.not.ok("NODE_COMPILE_CACHE" in environment, Object.keys(environment).join(" "));
});

test("a tool that can only be called as a task is a job", async () => {
  const { content, isError = false } = await bridged["HTTP, 2026-07-28"].call(offered("simulate-research-query"), {
    topic: "seals",
    ambiguous: false,
  });
  assert.is(isError, false, JSON.stringify(content));
  assert.match(JSON.stringify(content), "seals");
});

test("arguments that the server would refuse are refused with the field and its rule", async () => {
  const { content, isError } = await bridged["HTTP, 2026-07-28"].call(offered("get-annotated-message"), {
    messageType: "loud",
  });
  assert.is(isError, true);
  assert.match(JSON.stringify(content), /arguments\.messageType: .*success/);
});

for (const [name, expected] of Object.entries(contents)) {
  test(`${name} of another server arrives as it was sent`, async () => {
    for (const host of Object.values(bridged)) {
      const { content, isError = false } = await host.call(`test_${name}`, {});
      assert.equal([content, isError], [expected, false]);
    }
  });
}

test("a schema arrives as the server wrote it, without the keyword that makes headers of arguments", () => {
  for (const host of Object.values(bridged)) {
    const schema = find(host, "json_schema_2020_12_tool")?.inputSchema ?? {};
    assert.ok("$defs" in schema && "allOf" in schema && "if" in schema, JSON.stringify(schema));
    assert.equal(find(host, "json_schema_header")?.inputSchema.properties, { region: { type: "string" } });
  }
});

test.run();
