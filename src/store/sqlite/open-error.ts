import { SealwireError } from "../../errors.ts";
import { sqliteCode } from "../../runtime/node-sqlite.ts";
import { isDamage, storageError } from "./storage-error.ts";

/** Result codes of missing permissions: PERM, READONLY, CANTOPEN, AUTH. */
const ACCESS_CODES: ReadonlySet<number | undefined> = new Set([3, 8, 14, 23]);
/** Temporary file system errors: no space, too many open files, an interrupted or failing device. */
const PASSING_ERRNOS: ReadonlySet<string | undefined> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EMFILE",
  "ENFILE",
  "EINTR",
  "EAGAIN",
  "EIO",
]);

/** The error for a store that cannot be opened: an unusable path, a damaged file, or a temporary fault. */
export function openError(path: string, thrown: unknown): unknown {
  if (isDamage(thrown)) return damaged(path, thrown);
  if (ACCESS_CODES.has(sqliteCode(thrown))) return noAccess(path, thrown);
  const error = storageError(thrown);
  if (!(error instanceof SealwireError) || error.reason !== "UNAVAILABLE" || error === thrown) return error;
  return unavailable(path, thrown);
}

/** The error for a file that cannot be created or opened for writing. */
export function fileError(path: string, thrown: unknown): SealwireError {
  const { code } = thrown as NodeJS.ErrnoException;
  return PASSING_ERRNOS.has(code) ? unavailable(path, thrown) : noAccess(path, thrown);
}

/** The error for a damaged database. */
export function damaged(path: string, cause: unknown): SealwireError {
  return new SealwireError(
    "STORE_UNUSABLE",
    `The store "${path}" is damaged: ${(cause as Error).message}.\nPut a backup in its place (docs/operations.md, The store), or move it away.`,
    { cause },
  );
}

function noAccess(path: string, cause: unknown): SealwireError {
  return new SealwireError(
    "OPTIONS_INVALID",
    `The store "${path}" cannot be opened for writing: ${(cause as Error).message}.\nCheck the folder and this user's permissions.`,
    { cause },
  );
}

function unavailable(path: string, cause: unknown): SealwireError {
  return new SealwireError("UNAVAILABLE", `The store "${path}" cannot be used just now: ${(cause as Error).message}.`, {
    retryDelayMs: 1000,
    cause,
  });
}

/** The OPTIONS_INVALID error for a path without a store. `more`: an additional hint. */
export function noStore(path: string, more = ""): SealwireError {
  const toDo = `Name the server's folder with --data. ${more}`.trimEnd();
  return new SealwireError("OPTIONS_INVALID", `There is no store at "${path}".\n${toDo}`);
}
