// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasPostgres } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("examples/cluster");

const script = join(import.meta.dirname, "..", "..", "examples", "cluster", "cluster.ts");

if (hasPostgres(test)) {
  test("a server, a worker and the database are killed under load, and nothing is lost", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    assert.match(stdout, /^\d+ calls answered, 0 failed; \d+ jobs accepted, 0 lost$/m);
    assert.not.match(stdout, /^0 calls answered/m);
  });
}

test.run();
