import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { MCP_HOSTS } from "../../../src/cli/input/mcp-hosts.ts";
import { hostConfig } from "../../../src/cli/output/host-config.ts";
import { assert, suite } from "../../support/suite.ts";
import { CliServer } from "../cli-process.ts";
import { inFolder } from "../cli-run.ts";

const test = suite("cli/mcp/config");

/** The arguments in a configuration of any host. */
function argsIn(text: string): string[] {
  const [list = ""] = /(?<=args"?\s*[:=]\s*)\[[^\]]*\]/s.exec(text) ?? [];
  return JSON.parse(list.replace(/,\s*\]/, "]"));
}

test("the configuration of each host starts a bridge, with absolute paths and without a secret", () =>
  inFolder(async (cwd) => {
    await using server = await CliServer.start(cwd, "--dev");
    const credentials = JSON.parse(await readFile(".sealwire/client.json", "utf8"));
    const secrets = Object.entries(credentials).filter(([name]) => /key$/.test(name));
    assert.ok(secrets.length >= 2);
    for (const host of MCP_HOSTS) {
      const more = ["--pin", "pins.json", "--tools", "batch_*", "--read-only", "--name", "sums"];
      const { code, stdout, stderr } = await server.run("mcp", "config", host, ...more);
      assert.is(code, 0, stderr);
      for (const [, secret] of secrets) assert.not.match(stdout + stderr, String(secret));
      const [main = "", ...args] = argsIn(stdout);
      assert.ok(isAbsolute(main), stdout);
      assert.equal(args, [
        "mcp",
        "--credentials",
        join(cwd, ".sealwire/client.json"),
        "--pin",
        join(cwd, "pins.json"),
        "--tools",
        "batch_*",
        "--read-only",
      ]);
      if (host !== "codex") assert.is(Object.keys(Object.values(JSON.parse(stdout))[0] as object)[0], "sums");
      assert.match(stderr, "Add it to");
    }
  }));

test("each host's configuration has its own form", () => {
  const server = { command: "/bin/node", args: ["/a b", 'c"d'] };
  const texts = Object.fromEntries(MCP_HOSTS.map((host) => [host, hostConfig(host, "sealwire", server).text]));
  assert.equal(JSON.parse(texts["claude-desktop"] ?? ""), { mcpServers: { sealwire: server } });
  assert.equal(JSON.parse(texts["claude-code"] ?? ""), { mcpServers: { sealwire: { type: "stdio", ...server } } });
  assert.equal(JSON.parse(texts.vscode ?? ""), { servers: { sealwire: { type: "stdio", ...server } } });
  assert.equal(JSON.parse(texts.cursor ?? ""), { mcpServers: { sealwire: server } });
  assert.equal(JSON.parse(texts.gemini ?? ""), { mcpServers: { sealwire: server } });
  const toml = '[mcp_servers.sealwire]\ncommand = "/bin/node"\nargs = [\n  "/a b",\n  "c\\"d",\n]';
  assert.is(texts.codex, toml);
});

test("a configuration for credentials that are missing, and a name that hosts refuse, are errors", () =>
  inFolder(async (cwd) => {
    await using server = await CliServer.start(cwd, "--dev");
    for (const [args, said] of [
      [["claude-code", "--credentials", "missing.json"], "missing.json"],
      [["claude-code", "--name", "two words"], "The name must"],
      [["emacs"], "claude-desktop"],
    ] as const) {
      const { code, stdout, stderr } = await server.run("mcp", "config", ...args);
      assert.equal([code, stdout], [2, ""], stderr);
      assert.match(stderr, said);
    }
  }));

test.run();
