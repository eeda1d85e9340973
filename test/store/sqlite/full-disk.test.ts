import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, suite } from "../../support/suite.ts";
import type { FullDiskReport } from "./full-disk-process.ts";

const test = suite("store/sqlite/full-disk");

/* A limit on the size of files stands in for the disk: writes fail as they do on a full one, and it can be lifted. */
const NAME = "a full disk refuses what is new with a delay, loses nothing, and the store goes on when there is space";
const limitable = spawnSync("prlimit", ["--version"]).status === 0;

async function fullDisk(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-full-"));
  const script = join(import.meta.dirname, "full-disk-process.ts");
  const args = ["--fsize=3000000:unlimited", process.execPath, script, join(folder, "store.sqlite")];
  const child = spawn("prlimit", args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exit = once(child, "exit");
  const report = async (): Promise<FullDiskReport> => {
    const [message] = await Promise.race([once(child, "message"), exit.then(([code]) => [`ended with ${code}`])]);
    return message;
  };
  try {
    const full = await report();
    if (full.phase !== "full") return assert.unreachable();
    assert.ok(full.accepted > 5);
    assert.ok(full.readable);
    for (const [operation, refusal] of Object.entries(full.refusals)) {
      assert.is(refusal.reason, "UNAVAILABLE", operation);
      assert.ok((refusal.retryDelayMs ?? 0) > 0, operation);
    }
    execFileSync("prlimit", ["--pid", String(child.pid), "--fsize=unlimited:unlimited"]);
    child.send("there is space");
    const expected = { phase: "space", found: full.accepted + 1, heldState: "SUCCEEDED", intent: "unknown" };
    assert.equal(await report(), expected);
    assert.is((await exit)[0], 0);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

if (limitable) test(NAME, fullDisk);
else test.skip(NAME, "this system has no prlimit", fullDisk);

test.run();
