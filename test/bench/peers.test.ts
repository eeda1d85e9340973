import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { whyNotMeasured } from "./peers.ts";

const test = suite("bench/peers");

/** Runs `body` with one folder as the whole PATH, outside CI. */
function withPath(folder: string, body: () => void): void {
  const { PATH, CI } = process.env;
  process.env.PATH = folder;
  delete process.env.CI;
  try {
    body();
  } finally {
    process.env.PATH = PATH;
    if (CI !== undefined) process.env.CI = CI;
  }
}

test("the bench of jobs is left out by name where there is no Redis, and only there", () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-peers-"));
  try {
    withPath(folder, () => {
      assert.match(whyNotMeasured("jobs") ?? "", /^(PostgreSQL|Redis) is not installed: there is no /);
      assert.is(whyNotMeasured("watchers"), undefined);
      process.env.CI = "true";
      assert.throws(() => whyNotMeasured("jobs"), /CI skips nothing/);
    });
    for (const name of ["redis-server", "initdb", "postgres"]) {
      writeFileSync(join(folder, name), "");
      chmodSync(join(folder, name), 0o755);
    }
    withPath(folder, () => assert.is(whyNotMeasured("jobs"), undefined));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
