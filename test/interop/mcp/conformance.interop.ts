// test-limit-ms: 600000
import { join } from "node:path";
import { assert, suite } from "../../support/suite.ts";
import { type CliBridge, ownMcpServer, startCliBridge } from "./cli-bridge.ts";
import { type ConformanceResult, extensionScenarios, readBaseline, runConformance } from "./conformance.ts";

/* The official conformance suite over the bridge. What does not pass is in baseline/, each with its reason. */
const test = suite("interop/mcp/conformance");

const baselineOf = (name: string): string => join(import.meta.dirname, "baseline", `${name}.yaml`);

let bridged: CliBridge;
test.before(async () => {
  const tools = join(import.meta.dirname, "conformance-tools.ts");
  const schemas = ownMcpServer("json_schema", "schema-server-process.ts");
  bridged = await startCliBridge(["--tools", tools, "--mcp-server", schemas]);
});
test.after(() => bridged?.[Symbol.asyncDispose]());

const REVISIONS = ["2026-07-28", "2025-11-25"];
/** The scenarios of the tools of content-server-process.ts. */
const CONTENT_SCENARIOS = [
  "simple-text",
  "image",
  "audio",
  "embedded-resource",
  "mixed-content",
  "error",
  "with-progress",
];

/** Fails with the suite's output if anything else failed than the baseline says. */
async function matchesBaseline(baseline: string, { code, failed, output }: ConformanceResult): Promise<void> {
  assert.equal(failed, [...(await readBaseline(baseline)).keys()].sort(), output);
  assert.is(code, 0, output);
}

for (const version of REVISIONS) {
  test(`every scenario of ${version} passes except those of the baseline`, async () => {
    const baseline = baselineOf(version);
    const result = await runConformance({
      url: bridged.url,
      select: ["--suite", "all", "--spec-version", version],
      baseline,
    });
    await matchesBaseline(baseline, result);
    assert.ok(result.scenarios.length > 30, result.scenarios.join(" "));
  });
}

test("every scenario of an extension passes except those of the baseline", async () => {
  const baseline = baselineOf("extensions");
  const scenarios = await extensionScenarios();
  assert.ok(scenarios.filter((name) => name.startsWith("tasks-")).length >= 10, scenarios.join(" "));
  const results: ConformanceResult[] = [];
  for (const scenario of scenarios) {
    const result = await runConformance({ url: bridged.url, select: ["--scenario", scenario], baseline });
    assert.equal(result.scenarios, [scenario]);
    results.push(result);
  }
  await matchesBaseline(baseline, {
    code: Math.max(...results.map(({ code }) => code ?? 1)),
    scenarios,
    failed: results.flatMap(({ failed }) => failed).sort(),
    output: results.map(({ output }) => output).join("\n"),
  });
});

test("the scenarios of content pass with the tools of an MCP server", async () => {
  const contents = ownMcpServer("test", "content-server-process.ts");
  await using behind = await startCliBridge(["--mcp-server", contents, "--mcp-job", "test_tool_with_progress"]);
  for (const version of REVISIONS) {
    for (const name of CONTENT_SCENARIOS) {
      const select = ["--scenario", `tools-call-${name}`, "--spec-version", version];
      const { code, failed, scenarios, output } = await runConformance({ url: behind.url, select });
      assert.equal({ code, failed, scenarios }, { code: 0, failed: [], scenarios: [`tools-call-${name}`] }, output);
    }
  }
});

test.run();
