// test-limit-ms: 300000
import { demoTools } from "../../../src/tools/demo-tools.ts";
import { assert, suite } from "../../support/suite.ts";
import { type Bridged, startBridged } from "./bridged.ts";
import { ownMcpServer, startCliBridge } from "./cli-bridge.ts";
import { everyDescriptor, everyService } from "./contract-tools.ts";
import { inspectTools } from "./inspector.ts";

/* The inspector of MCP finds nothing in the schemas that the bridge lists. */
const test = suite("interop/mcp/inspector");

/** The inspector's exit code for a schema that some host does not understand. */
const SCHEMA_UNPORTABLE = 6;

/** Lists the tools in both ways. Returns their names. */
async function listsCleanly(bridged: Pick<Bridged, "endpoint" | "token">): Promise<readonly string[]> {
  const [legacy, modern] = await Promise.all([
    inspectTools({ ...bridged, era: "legacy" }),
    inspectTools({ ...bridged, era: "modern" }),
  ]);
  assert.equal([legacy.findings, modern.findings], ["", ""]);
  assert.equal([legacy.code, modern.code], [0, 0]);
  assert.equal(legacy.names, modern.names);
  return modern.names;
}

test("nothing is found in any contract of the repository", async () => {
  const descriptors = everyDescriptor();
  const names: string[] = [];
  for (const tools of everyService()) {
    const isDemo = tools.some(({ definition }) => definition.fullName.startsWith("sealwire.demo."));
    await using bridged = await startBridged({ tools: isDemo ? tools : [...tools, demoTools()], descriptors });
    names.push(...(await listsCleanly(bridged)));
  }
  for (const name of ["batch_sum", "start_long_task", "greet", "hash_file", "echo", "keep", "slow_compute"]) {
    assert.ok(names.includes(name), `${name} is not among ${names.join(" ")}`);
  }
});

test("nothing is found in tools of an MCP server", async () => {
  const contents = ownMcpServer("test", "content-server-process.ts");
  await using bridged = await startCliBridge(["--mcp-server", contents, "--mcp-job", "test_tool_with_progress"]);
  const names = await listsCleanly(bridged);
  assert.ok(names.includes("test_image_content"), names.join(" "));
});

test("a schema that some host does not understand is found", async () => {
  await using bridged = await startCliBridge(["--mcp-server", ownMcpServer("json_schema", "schema-server-process.ts")]);
  const { code, findings } = await inspectTools({ ...bridged, era: "modern" });
  assert.match(findings, "json_schema_anything");
  assert.is(code, SCHEMA_UNPORTABLE);
});

test.run();
