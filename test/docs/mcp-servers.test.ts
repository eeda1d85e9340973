import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withEnvironment } from "../../src/cli/input/mcp-server-settings.ts";
import { resolveServeSettings } from "../../src/cli/serve/serve-settings.ts";
import { MCP_SERVER_LIMITS, PLAIN_VARIABLES, resolveMcpServers } from "../../src/mcp/servers/options.ts";
import { inFolder } from "../cli/cli-run.ts";
import { assert, suite } from "../support/suite.ts";
import { codeBlocks } from "./code-blocks.ts";

/* The section on the tools of MCP servers. */
const test = suite("docs/mcp-servers");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "mcp.md"), "utf8");
const [, section = ""] = page.split("\n## Tools of MCP servers\n");
const shown = codeBlocks(section).find(({ language }) => language === "json")?.text ?? "";

test("the settings are those that serve reads, and the table has each of them with its default", () =>
  inFolder(async () => {
    await writeFile("config.json", shown);
    const { mcpServers, mcpPin } = await resolveServeSettings({ config: "config.json" });
    assert.match(mcpPin ?? "", "mcp-pins.json");
    const env = { TOKEN: "t", WEB_TOKEN: "w", PATH: "/bin" };
    const servers = resolveMcpServers(mcpServers.map((setting) => withEnvironment(setting, env)));
    assert.equal(
      servers.map(({ endpoint }) => endpoint.kind),
      ["child", "http"],
    );
    const rows = [...section.matchAll(/^\| `([a-z_]+)` \|([^|]*)\| .* \|$/gm)];
    const parsed = JSON.parse(shown).mcp_servers;
    const names = [...Object.keys(parsed.files), ...Object.keys(parsed.web)];
    assert.equal(
      rows.map(([, name]) => name),
      names,
    );
    const [plain] = resolveMcpServers([{ name: "a", command: ["a"] }]);
    const defaults = new Map(rows.map(([, name, value = ""]) => [name, value.trim()]));
    assert.is(defaults.get("max_concurrency"), String(plain?.maxConcurrency));
    assert.is(defaults.get("start_timeout"), `${(plain?.startTimeoutMs ?? 0) / 1_000}s`);
    assert.is(defaults.get("per_client"), String(plain?.perClient));
    const { least, most } = MCP_SERVER_LIMITS.maxConcurrency;
    assert.ok(section.includes(`${least} to ${most.toLocaleString("en")}`));
  }));

test("the variables that every program gets are those of the page", () => {
  for (const name of PLAIN_VARIABLES)
    if (!/^L/.test(name) || name === "LOGNAME") assert.ok(section.includes(name), name);
});

test.run();
