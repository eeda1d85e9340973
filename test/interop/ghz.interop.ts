// test-limit-ms: 900000
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../support/suite.ts";
import { goTool } from "./go-tool.ts";
import { InteropServer } from "./interop-server.ts";
import { paste } from "./shell.ts";
import { suiteWith } from "./toolchain.ts";

const test = suiteWith(["go"], "interop/ghz");

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const COUNT = 2_000;

let bin: string;
let server: InteropServer;

test.before(async () => {
  bin = await goTool("ghz");
  server = await InteropServer.start();
});
test.after(() => server?.[Symbol.asyncDispose]());

/** Sends the signed requests of a file and counts the gRPC codes of the answers. */
async function load(file: string): Promise<Record<string, number>> {
  const what = `--call sealwire.v1.ToolService/Call --binary-file ${file} --total ${COUNT} --concurrency 8`;
  const command = `ghz --insecure --format json ${what} ${server.address}`;
  const { code, stdout, stderr } = await paste(command, { cwd: server.folder, path: [bin] });
  assert.is(code, 0, stderr);
  return JSON.parse(stdout).statusCodeDistribution;
}

test("every request signed beforehand is accepted once", async () => {
  const credentials = await server.addClient("ghz");
  const args = '{"payload": {"b": [1, -0.0], "a": "süß"}, "names": {"2": "two", "1": "one"}}';
  const sign = ["sign", "echo", args, "--credentials", credentials, "--count", String(COUNT), "--binary"];
  const signed = spawnSync(process.execPath, [MAIN, ...sign], { maxBuffer: 64 * 1024 * 1024 });
  assert.is(signed.status, 0, String(signed.stderr));
  await writeFile(join(server.folder, "requests.bin"), signed.stdout);
  assert.equal(await load("requests.bin"), { OK: COUNT });
  assert.equal(await load("requests.bin"), { AlreadyExists: COUNT });
});

test.run();
