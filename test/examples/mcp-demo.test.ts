import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";

const test = suite("examples/mcp");

const demo = join(import.meta.dirname, "..", "..", "examples", "mcp", "demo.ts");

test("a host lists, calls, repairs, waits for a job, and is not shown a poisoned tool; nothing is left behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-mcp-demo-test-"));
  try {
    const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, [demo], { env: { ...process.env, TMPDIR: folder } }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout: out, stderr: err }),
      );
    });
    assert.is(code, 0, stderr);
    assert.match(stdout, "numbers[1]: ");
    assert.match(stdout, "+ description: Finds notes by a word. Before that");
    assert.match(stdout, "Everything was as it should be.");
    assert.equal(
      readdirSync(folder).filter((name) => name.startsWith("sealwire-mcp-demo-")),
      [],
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
