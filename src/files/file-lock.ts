import { constants } from "node:fs";
import { open, readFile, unlink } from "node:fs/promises";
import { pid } from "node:process";
import { SealwireError } from "../errors.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import { holdProcess } from "../runtime/hold-process.ts";
import { shellQuote } from "./shell-quote.ts";

const WAIT_MS = 5000;
const POLL_MS = 25;

/**
 * Runs `action` while holding the lock file `PATH.lock`, which prevents other processes from changing PATH. Throws
 * KEY_RING_INVALID if the lock is not released within 5 s. The lock of a killed process is not removed automatically:
 * the message names the file to remove.
 */
export async function withFileLock<T>(path: string, clock: Clock, action: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  await acquire(lock, clock);
  try {
    return await action();
  } finally {
    await unlink(lock);
  }
}

async function acquire(lock: string, clock: Clock): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + WAIT_MS;
  while (!(await tryCreate(lock))) {
    if (clock.monotonicMs() >= giveUpAtMs) {
      const holder = await readFile(lock, "utf8").catch(() => "unknown");
      const problem = `Another process (pid ${holder.trim()}) holds the lock ${lock}.`;
      throw new SealwireError("KEY_RING_INVALID", `${problem}\nIf that process is gone: rm ${shellQuote(lock)}`);
    }
    using _ = holdProcess();
    await sleep(clock, POLL_MS);
  }
}

async function tryCreate(lock: string): Promise<boolean> {
  try {
    const handle = await open(lock, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    await handle.writeFile(`${pid}\n`).finally(() => handle.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
