import { SealwireError } from "../../errors.ts";
import { tryKernelLock } from "./kernel-lock.ts";

/**
 * Makes this process the only owner of the store at `path` until the lock is disposed. The lock is a file of its own
 * because the store itself is opened by two connections. Throws STORE_IN_USE.
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
  try {
    return tryKernelLock(`${path}.lock`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new SealwireError("OPTIONS_INVALID", `The store "${path}" cannot be opened for writing; check the folder.`, {
      cause,
    });
  }
}
