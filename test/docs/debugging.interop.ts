// test-limit-ms: 900000
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliServer } from "../cli/cli-process.ts";
import { goTool } from "../interop/go-tool.ts";
import { paste } from "../interop/shell.ts";
import { suiteWith } from "../interop/toolchain.ts";
import { assert } from "../support/suite.ts";
import { announcedLines, codeBlocks, missingLines } from "./code-blocks.ts";

/* Types the commands of docs/debugging.md, from the first to the last, beside a server started as the page says. */
const test = suiteWith(["go"], "docs/debugging");

const root = join(import.meta.dirname, "..", "..");
const blocks = codeBlocks(await readFile(join(root, "docs", "debugging.md"), "utf8"));

let folder: string;
let server: CliServer;
let path: readonly string[];

test.before(async () => {
  path = [await goTool("grpcurl"), await goTool("ghz")];
  folder = await mkdtemp(join(tmpdir(), "sealwire-debugging-"));
  await mkdir(join(folder, "node_modules", ".bin"), { recursive: true });
  await symlink(root, join(folder, "node_modules", "sealwire"));
  const command = `#!/bin/sh\nexec '${process.execPath}' '${join(root, "src", "cli", "main.ts")}' "$@"\n`;
  await writeFile(join(folder, "node_modules", ".bin", "sealwire"), command, { mode: 0o755 });
  server = await CliServer.start(folder, "--dev");
});
test.after(async () => {
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

for (const block of blocks) {
  test(`line ${block.line}: ${block.text.split("\n", 1)[0]}`, async () => {
    assert.is(block.language, "sh");
    const commands = block.text.replaceAll("127.0.0.1:50051", server.ready.listening);
    const { stdout, stderr } = await paste(commands, { cwd: folder, path });
    assert.ok(announcedLines(block).length > 0, "the block does not say what it prints");
    const output = `${stdout}\n${stderr}`;
    assert.equal(missingLines(block, output), [], output);
  });
}

test.run();
