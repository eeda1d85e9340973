// test-limit-ms: 300000
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliProcess, sealwire } from "../cli/cli-process.ts";
import { inFolder } from "../cli/cli-run.ts";
import { assert, suite } from "../support/suite.ts";
import { codeBlocks } from "./code-blocks.ts";

/* Types what docs/operations.md says under Start, in an empty folder with a module of tools. */
const test = suite("docs/operations, start");

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "operations.md"), "utf8");
const ADDRESS = "127.0.0.1:50051";

const TOOLS = `
  import { implement } from "${new URL("../../src/tools/implement.ts", import.meta.url).href}";
  import { DemoToolServiceDefinition } from "${new URL("../../gen/sealwire/demo/v1/demo_tool_service.ts", import.meta.url).href}";
  export const tools = [implement(DemoToolServiceDefinition, {
    batchSum: ({ numbers }) => ({ count: numbers.length, total: 0 }),
    startLongTask: () => ({ payload: undefined }),
  })];
  export const descriptors = [];`;

/** The words of each command under Start, without the program. */
function commands(): string[][] {
  const blocks = codeBlocks(page).filter(({ language, headings }) => language === "sh" && headings.includes("Start"));
  const lines = blocks.flatMap(({ text }) => text.split("\n")).map((line) => line.replace(/ +#.*/, ""));
  return lines.filter((line) => line !== "").map((line) => line.replaceAll("'", "").split(" ").slice(1));
}

test("the server starts, says that it serves, and its key may call each of its tools", () =>
  inFolder(async (cwd) => {
    await writeFile("tools.ts", TOOLS);
    const typed = commands();
    const serve = typed.findIndex(([command]) => command === "serve");
    assert.ok(serve > 0 && typed.length >= serve + 3);
    for (const words of typed.slice(0, serve)) {
      const { code, stderr } = await sealwire(words, { cwd });
      assert.is(code, 0, stderr);
    }
    const listen = typed[serve]?.map((word) => (word === ADDRESS ? "127.0.0.1:0" : word)) ?? [];
    await using server = new CliProcess(listen, { cwd });
    await server.until("the server", () => server.stdout.includes("\n"));
    const { listening } = JSON.parse(server.stdout);
    for (const words of typed.slice(serve + 1)) {
      const here = words.map((word) => (word === ADDRESS ? listening : word));
      const { code, stdout, stderr } = await sealwire(here, { cwd, env: { SEALWIRE_ADDRESS: listening } });
      assert.is(code, 0, stderr);
      if (words[0] === "health") assert.is(stdout, "SERVING\n");
      if (words[0] === "tools") for (const tool of ["batch_sum", "start_long_task"]) assert.match(stdout, tool);
    }
  }));

test.run();
