import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CliServer, sealwire } from "../../cli/cli-process.ts";
import { inFolder } from "../../cli/cli-run.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/bridge/without-sdk");

const HIDDEN = join(import.meta.dirname, "..", "hide-package-process.ts");

for (const transport of ["stdio", "HTTP"] as const) {
  test(`without the SDK the error over ${transport} says what to install, and stdout is empty`, () =>
    inFolder(async (cwd) => {
      await using server = await CliServer.start(cwd, "--dev");
      const token = "0123456789abcdef0123456789abcdef";
      await writeFile("tokens", `dev ${token} .sealwire/client.json\n`, { mode: 0o600 });
      const http = ["--listen", "127.0.0.1:0", "--token-file", "tokens", "--address", server.ready.listening];
      const env = { NODE_OPTIONS: `--import=${pathToFileURL(HIDDEN)}`, HIDDEN_PACKAGE: "@modelcontextprotocol/server" };
      const { code, stdout, stderr } = await sealwire(["mcp", ...(transport === "HTTP" ? http : [])], { cwd, env });
      assert.equal([code, stdout], [2, ""], stderr);
      assert.match(stderr, "needs the package @modelcontextprotocol/server, which is not installed");
      assert.match(stderr, "npm install @modelcontextprotocol/server@2");
    }));
}

test.run();
