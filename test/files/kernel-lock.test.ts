import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tryKernelLock } from "../../src/files/kernel-lock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("files/kernel-lock");

/** Runs `body` with a file of another user and the path of a lock in a folder of its own. */
function inFolder(body: (victim: string, lock: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-lock-"));
  try {
    const victim = join(folder, "victim");
    writeFileSync(victim, "");
    chmodSync(victim, 0o640);
    body(victim, join(folder, "ring.lock"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const refused = (lock: string, owner?: number): string => {
  try {
    tryKernelLock(lock, owner)?.[Symbol.dispose]();
    return "taken";
  } catch (error) {
    return (error as Error).message.split("\n")[0] ?? "";
  }
};

test("a lock that leads to another file, or is none, is refused, and the file keeps its owner and mode", () => {
  const ways = [
    (victim: string, lock: string) => symlinkSync(victim, lock),
    (victim: string, lock: string) => linkSync(victim, lock),
    (_victim: string, lock: string) => mkdirSync(lock),
  ];
  for (const make of ways) {
    inFolder((victim, lock) => {
      make(victim, lock);
      const before = statSync(victim);
      assert.match(refused(lock, 65_534), /ring\.lock cannot be taken: it is a link, or no regular file\.$/);
      const { uid, mode } = statSync(victim);
      assert.equal([uid, mode], [before.uid, before.mode]);
    });
  }
});

test("a lock is made for its owner alone, and one of this user that others can read is closed to them", () => {
  inFolder((_victim, lock) => {
    assert.is(refused(lock), "taken");
    assert.is(statSync(lock).mode & 0o777, 0o600);
    chmodSync(lock, 0o644);
    assert.is(refused(lock), "taken");
    assert.is(statSync(lock).mode & 0o777, 0o600);
  });
});

const ROOT = "root makes a lock for the owner of the file, and gives that owner one that root has made";
const asRoot = (): void => {
  inFolder((_victim, lock) => {
    assert.is(refused(lock, 65_534), "taken");
    assert.is(statSync(lock).uid, 65_534);
    chownSync(lock, 0, 0);
    assert.is(refused(lock, 65_534), "taken");
    assert.is(statSync(lock).uid, 65_534);
  });
};
if (process.geteuid?.() === 0) test(ROOT, asRoot);
else test.skip(ROOT, "this is not root", asRoot);

test.run();
