// test-limit-ms: 900000
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess, CliServer } from "../cli/cli-process.ts";
import { goTool } from "../interop/go-tool.ts";
import { paste } from "../interop/shell.ts";
import { suiteWith } from "../interop/toolchain.ts";
import { freePort } from "../support/free-port.ts";
import { assert } from "../support/suite.ts";
import { announcedLines, codeBlocks, missingLines } from "./code-blocks.ts";

/* Types the commands of docs/proxy.md, from the first to the last, beside a server started as the page says. */
const test = suiteWith(["go", "openssl"], "docs/proxy");

const root = join(import.meta.dirname, "..", "..");
const page = await readFile(join(root, "docs", "proxy.md"), "utf8");
const PROXY = /^npx sealwire (proxy.*)$/m;

let folder: string;
let server: CliServer;
let port: number;
let path: readonly string[];
const proxies: CliProcess[] = [];

test.before(async () => {
  path = [await goTool("grpcurl")];
  port = await freePort();
  folder = await mkdtemp(join(tmpdir(), "sealwire-proxy-page-"));
  server = await CliServer.start(folder, "--dev");
});
test.after(async () => {
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

for (const block of codeBlocks(page)) {
  test(`line ${block.line}: ${block.text.split("\n", 1)[0]}`, async () => {
    assert.is(block.language, "sh");
    const commands = block.text.replaceAll("127.0.0.1:50052", `127.0.0.1:${port}`);
    const [line, proxy] = PROXY.exec(commands) ?? [];
    const typed = line === undefined ? commands : commands.replace(line, "");
    const { code, stdout, stderr } = await paste(`set -eu\n${typed}`, { cwd: folder, path });
    assert.is(code, 0, stderr);
    if (proxy !== undefined) {
      const started = new CliProcess(proxy.split(" "), { cwd: folder });
      proxies.push(started);
      await started.until("the proxy", () => started.stdout.includes("\n"));
      return;
    }
    assert.ok(announcedLines(block).length > 0, "the block does not say what it prints");
    assert.equal(missingLines(block, stdout), [], stdout);
  });
}

test.run();
