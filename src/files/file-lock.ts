import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type Reason, SealwireError } from "../errors.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import { holdProcess } from "../runtime/hold-process.ts";
import { sqliteCode } from "../runtime/node-sqlite.ts";
import { tryKernelLock } from "./kernel-lock.ts";
import { shellQuote } from "./shell-quote.ts";

const WAIT_MS = 5000;
const POLL_MS = 25;
const NOT_A_DATABASE = 26;

/** A file to be changed. */
export interface LockedFile {
  readonly path: string;
  readonly clock: Clock;
  /** The reason of the errors. */
  readonly reason: Reason;
  /** The command that may hold the lock, for example "sealwire keys". */
  readonly command: string;
}

/**
 * Runs `action` while holding the lock file `PATH.lock`, which prevents other processes from changing PATH. The kernel
 * releases the lock when the process ends in any way; the file stays. Throws `reason` if another process holds the lock
 * for 5 s.
 */
export async function withFileLock<T>(file: LockedFile, action: () => Promise<T>): Promise<T> {
  using _lock = await acquire(file, await ownerOf(file.path));
  return await action();
}

/** The owner of the file, or of the folder that it will be in: whoever changes it next must be able to take the lock. */
async function ownerOf(path: string): Promise<number> {
  return (await stat(path).catch(() => stat(dirname(path)))).uid;
}

async function acquire({ path: of, clock, reason, command }: LockedFile, owner: number): Promise<Disposable> {
  const path = `${of}.lock`;
  const giveUpAtMs = clock.monotonicMs() + WAIT_MS;
  for (;;) {
    const lock = tryLock(path, { owner, reason });
    if (lock !== undefined) return lock;
    if (clock.monotonicMs() >= giveUpAtMs) {
      const problem = `Another process has held the lock ${path} for ${WAIT_MS / 1000} s, probably another \`${command}\`.`;
      throw new SealwireError(reason, `${problem}\nWait for its end, or find it: fuser ${shellQuote(path)}`);
    }
    using _ = holdProcess();
    await sleep(clock, POLL_MS);
  }
}

function tryLock(
  path: string,
  { owner, reason }: { readonly owner: number; readonly reason: Reason },
): Disposable | undefined {
  try {
    return tryKernelLock(path, owner);
  } catch (cause) {
    if (cause instanceof SealwireError) throw new SealwireError(reason, cause.message, { cause });
    const code = sqliteCode(cause);
    if (code === undefined) throw cause;
    if (code !== NOT_A_DATABASE) {
      const { message } = cause as Error;
      throw new SealwireError(reason, `The lock ${path} cannot be taken: ${message}.`, { cause });
    }
    // The lock of version 0.1 was a text file with the process id.
    const problem = `"${path}" is not a lock of this version of sealwire.`;
    throw new SealwireError(reason, `${problem}\nIf no other version is running: rm ${shellQuote(path)}`, {
      cause,
    });
  }
}
