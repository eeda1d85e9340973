import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeBlocks } from "../docs/code-blocks.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("examples/monitoring-rules");

const folder = join(import.meta.dirname, "..", "..", "examples", "monitoring");
const JUDGED = "the commands of the page accept the alert rules, and every case of them holds";

function judge(): void {
  const [block] = codeBlocks(readFileSync(join(folder, "README.md"), "utf8"));
  const commands = block?.text.trim().split("\n") ?? [];
  assert.is(commands.length, 2);
  for (const command of commands) {
    const [program = "", ...words] = command.split(" ");
    assert.match(execFileSync(program, words, { cwd: folder, encoding: "utf8" }), "SUCCESS");
  }
}

if (spawnSync("promtool", ["--version"]).status === 0) test(JUDGED, judge);
else if (process.env.CI) throw new Error("promtool is not installed, and CI skips nothing");
else test.skip(JUDGED, "promtool, of the Debian package prometheus, is not installed");

test.run();
