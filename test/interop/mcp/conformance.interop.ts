// test-limit-ms: 600000
import { join } from "node:path";
import { assert, suite } from "../../support/suite.ts";
import { type Bridged, ownMcpServer, startBridged } from "./bridged.ts";
import { type ConformanceResult, extensionScenarios, readBaseline, runConformance } from "./conformance.ts";
import { descriptors, tools } from "./conformance-tools.ts";

/* The official conformance suite over the bridge. What does not pass is in baseline/, each with its reason. */
const test = suite("interop/mcp/conformance");

const baselineOf = (name: string): string => join(import.meta.dirname, "baseline", `${name}.yaml`);

let bridged: Bridged;
test.before(async () => {
  const mcpServers = [ownMcpServer("json_schema", "schema-server-process.ts")];
  bridged = await startBridged({ tools, descriptors, mcpServers });
});
test.after(() => bridged?.[Symbol.asyncDispose]());

/** Fails with the suite's output if anything else failed than the baseline says. */
async function matchesBaseline(baseline: string, { code, failed, output }: ConformanceResult): Promise<void> {
  assert.equal(failed, [...(await readBaseline(baseline)).keys()].sort(), output);
  assert.is(code, 0, output);
}

for (const version of ["2026-07-28", "2025-11-25"]) {
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

test.run();
