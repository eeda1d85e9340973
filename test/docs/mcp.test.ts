import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { CliProcess, sealwire } from "../cli/cli-process.ts";
import { inFolder, run } from "../cli/cli-run.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { isNotRun } from "./blocks.ts";
import { codeBlocks } from "./code-blocks.ts";

/* The page on agents, and what the README shows of it. */
const test = suite("docs/mcp");

const root = join(import.meta.dirname, "..", "..");
const page = "docs/mcp.md";
const blocks = codeBlocks(readFileSync(join(root, page), "utf8")).filter(({ text }) => !isNotRun(page, text));
const readme = codeBlocks(readFileSync(join(root, "README.md"), "utf8"));

/** The words of a command of the page, without `sealwire`. */
function typed(start: string): string[] {
  const line = blocks.flatMap(({ text }) => text.split("\n")).find((each) => each.startsWith(`sealwire ${start}`));
  if (line === undefined) throw new Error(`the page has no ${start}`);
  return line.split(" ").slice(1);
}

test("every command of the page is one of those below", () => {
  const commands = blocks.flatMap(({ text }) => text.trim().split("\n"));
  assert.equal(
    commands.map((line) => line.split(" ").slice(0, 4).join(" ")),
    [
      "sealwire mcp config claude-code",
      "sealwire mcp --listen 127.0.0.1:8080",
      "sealwire mcp pins verify",
      "sealwire mcp pins approve",
    ],
  );
});

const inProject = (body: () => Promise<void>): Promise<void> =>
  inFolder(async () => {
    await using server = await startServer();
    mkdirSync(".sealwire");
    await writeCredentials(".sealwire/client.json", server.credentials());
    await body();
  });

test("the printed configuration starts the bridge, and that of the README has its form", () =>
  inProject(async () => {
    const { code, stdout, stderr } = await sealwire(typed("mcp config"), { cwd: process.cwd() });
    assert.is(code, 0, stderr);
    const { command, args } = JSON.parse(stdout).mcpServers.sealwire;
    const transport = new StdioClientTransport({ command, args });
    await using client = await connected(transport);
    assert.ok((await client.listTools()).tools.some(({ name }) => name === "batch_sum"));
    const asked = ["mcp", "config", "claude-desktop", "--credentials", ".sealwire/client.json"];
    const desktop = await sealwire(asked, { cwd: process.cwd() });
    const printed = JSON.parse(desktop.stdout).mcpServers.sealwire;
    const shown = readme.find(({ language, text }) => language === "json" && text.includes("mcpServers"));
    const { sealwire: told } = JSON.parse(shown?.text ?? "{}").mcpServers;
    assert.equal(Object.keys(told), Object.keys(printed));
    assert.equal(told.args.slice(1, 3), printed.args.slice(1, 3));
    assert.is(told.args.length, printed.args.length);
  }));

test("the bridge over HTTP serves who has a token of the file", () =>
  inProject(async () => {
    const token = "t".repeat(32);
    writeFileSync("mcp-tokens", `assistant ${token} .sealwire/client.json\n`, { mode: 0o600 });
    const args = typed("mcp --listen").map((word) => word.replace(":8080", ":0"));
    await using bridge = new CliProcess(args, { cwd: process.cwd() });
    await bridge.until("the bridge", () => bridge.stdout.includes("\n"));
    const { listening } = JSON.parse(bridge.stdout);
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await using client = await connected(new StreamableHTTPClientTransport(new URL(listening), { requestInit }));
    assert.ok((await client.listTools()).tools.some(({ name }) => name === "batch_sum"));
    assert.is((await fetch(listening, { method: "POST", body: "{}" })).status, 401);
  }));

test("pins are verified and approved as the page says", () =>
  inProject(async () => {
    for (const command of ["mcp pins approve", "mcp pins verify"]) {
      const { code, stderr } = await run(typed(command));
      assert.is(code, 0, stderr);
    }
  }));

async function connected(transport: Transport) {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

test.run();
