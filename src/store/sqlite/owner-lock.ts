import { SealwireError } from "../../errors.ts";
import { tryKernelLock } from "../../files/kernel-lock.ts";
import { fileError } from "./open-error.ts";
import { isDamage } from "./storage-error.ts";

/**
 * Makes this process the only owner of the store at `path` until the lock is disposed. The lock is a separate file
 * because two connections open the store itself. Throws STORE_IN_USE.
 */
export function lockOwner(path: string): Disposable {
  const lock = takeLock(path);
  if (lock !== undefined) return lock;
  throw new SealwireError(
    "STORE_IN_USE",
    `Another process owns the store "${path}"; stop that server or use another data folder.`,
  );
}

function takeLock(path: string): Disposable | undefined {
  const lockPath = `${path}.lock`;
  try {
    return tryKernelLock(lockPath);
  } catch (cause) {
    if (isDamage(cause)) {
      const problem = `"${lockPath}" is not a lock of sealwire`;
      throw new SealwireError("STORE_UNUSABLE", `${problem}.\nMove it away; a new one is created.`, { cause });
    }
    throw (cause as NodeJS.ErrnoException).syscall === undefined ? cause : fileError(lockPath, cause);
  }
}
