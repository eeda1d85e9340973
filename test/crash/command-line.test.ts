import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";

const test = suite("crash/command-line");

function run(...args: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  const command = [join(import.meta.dirname, "run.ts"), ...args];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  return { status, stderr };
}

test("what cannot be run is refused in one line, with what there is", () => {
  assert.equal(run("--engine", "mysql"), {
    status: 2,
    stderr: '--engine is "mysql"; the engines are sqlite, postgres\n',
  });
  assert.equal(run("--faults", "sqlite,fire"), {
    status: 2,
    stderr:
      '--faults has "fire"; the scenarios are sqlite, postgres, files, failover, lossy-failover, high-availability, upstream-sqlite, upstream-postgres, drain-sqlite, drain-postgres\n',
  });
  assert.equal(run("--kills", "many"), { status: 2, stderr: '--kills is "many"; it must be a whole number\n' });
  assert.match(run("--speed", "1").stderr, "--speed");
});

test.run();
