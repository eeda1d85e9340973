// test-limit-ms: 900000
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BenchName, benches } from "../../bench/benches/benches.ts";
import type { Result } from "../../bench/report/result.ts";
import { assert, suite } from "../support/suite.ts";
import { whyNotMeasured } from "./peers.ts";

/* Runs every bench for a moment: whether it works, not how fast anything is. */
const test = suite("bench/smoke");

const root = join(import.meta.dirname, "..", "..");
const bench = join(root, "bench");
const SHORT = ["--rounds", "1", "--seconds", "0.3", "--warm-up", "0.3", "--callers", "1,16", "--scale", "100"];
/** The agents of the other languages are built, and measure something, in test/interop. */
const FEWER: Partial<Record<BenchName, readonly string[]>> = { languages: ["--variants", "typescript"] };
let out = "";

test.before(() => {
  out = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
  if (!existsSync(join(bench, "node_modules"))) execFileSync("npm", ["ci"], { cwd: bench, stdio: "ignore" });
});
test.after(() => rmSync(out, { recursive: true, force: true }));

for (const name of Object.keys(benches) as BenchName[]) {
  const title = `${name} measures something in every cell of its tables`;
  const reason = whyNotMeasured(name);
  const measure = async (): Promise<void> => {
    const args = [join(bench, "run.ts"), name, ...SHORT, ...(FEWER[name] ?? []), "--out", out];
    await promisify(execFile)(process.execPath, args);
    const { tables } = JSON.parse(readFileSync(join(out, `${name}.json`), "utf8")) as Result;
    assert.ok(tables.length > 0);
    for (const { title, columns, rows } of tables) {
      assert.ok(rows.length > 0, title);
      // JSON has null for what is no number.
      const empty = rows.filter((row: readonly unknown[]) => row.length !== columns.length || row.includes(null));
      assert.equal(empty, [], title);
    }
    assert.ok(readFileSync(join(out, `${name}.md`), "utf8").startsWith("# "));
  };
  if (reason === undefined) test(title, measure);
  else test.skip(title, reason);
}

test.run();
