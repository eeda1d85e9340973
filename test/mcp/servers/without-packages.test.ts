import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sealwire } from "../../cli/cli-process.ts";
import { inFolder } from "../../cli/cli-run.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/servers/without-packages");

const HIDDEN = pathToFileURL(join(import.meta.dirname, "..", "hide-package-process.ts"));
const ANY_SERVER = `any=${process.execPath} ${join(import.meta.dirname, "fixture-process.ts")}`;

for (const name of ["@modelcontextprotocol/client", "ajv"]) {
  test(`without ${name} a server with MCP servers does not start, and says what to install`, () =>
    inFolder(async (cwd) => {
      const env = { NODE_OPTIONS: `--import=${HIDDEN}`, HIDDEN_PACKAGE: name };
      const served = ["serve", "--dev", "--listen", "127.0.0.1:0", "--mcp-server", ANY_SERVER];
      const { code, stderr } = await sealwire(served, { cwd, env });
      assert.is(code, 2, stderr);
      assert.match(stderr, `need the package ${name}, which is not installed`);
      assert.match(stderr, "npm install @modelcontextprotocol/client@2 ajv@8");
    }));
}

test.run();
