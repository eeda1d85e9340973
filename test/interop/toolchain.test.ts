import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, suite } from "../support/suite.ts";

const test = suite("interop/toolchain");

const RUNNER = join(import.meta.dirname, "..", "run.ts");
const TOOLCHAIN = pathToFileURL(join(import.meta.dirname, "toolchain.ts")).href;

/** Runs a suite that needs `node` and another program; gives the exit code and the output. */
async function run(program: string, CI: string): Promise<{ code: number | null; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-toolchain-"));
  try {
    const text = `import { suiteWith } from ${JSON.stringify(TOOLCHAIN)};
      const test = suiteWith(["node", ${JSON.stringify(program)}], "some language");
      test.before(() => console.log("built"));
      test("a check", () => {});
      test.run();`;
    await writeFile(join(folder, "some.interop.ts"), text);
    const child = spawn(process.execPath, [RUNNER, "--interop", "--root", folder], { env: { ...process.env, CI } });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (data: string) => (output += data));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, output };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("with its programs a suite runs", async () => {
  const { code, output } = await run("sh", "");
  assert.match(output, "1 passed, 0 failed\n");
  assert.is(code, 0);
});

test("without one of them it is skipped and says which", async () => {
  const { code, output } = await run("no-such-compiler", "");
  assert.match(output, "skipped: a check: needs no-such-compiler, which the PATH does not have");
  assert.match(output, "0 passed, 0 failed, 1 skipped");
  assert.is(code, 0);
});

test("without one of them it fails where CI is set", async () => {
  const { code, output } = await run("no-such-compiler", "true");
  assert.match(output, "needs no-such-compiler, which the PATH does not have");
  assert.match(output, "0 passed, 1 failed\n");
  assert.is(code, 1);
});

test.run();
