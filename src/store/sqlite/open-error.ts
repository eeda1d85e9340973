import { SealwireError } from "../../errors.ts";
import { isDamage, sqliteCode, storageError } from "./storage-error.ts";

/** Result codes that speak of what the process may do at the path: PERM, READONLY, CANTOPEN, AUTH. */
const ACCESS_CODES: ReadonlySet<number | undefined> = new Set([3, 8, 14, 23]);
/** Errors of the file system that pass: no room, too many files, an interrupted or failing device. */
const PASSING_ERRNOS: ReadonlySet<string | undefined> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EMFILE",
  "ENFILE",
  "EINTR",
  "EAGAIN",
  "EIO",
]);

/** The error of a store that cannot be opened: what the path does not allow, what is damaged, what passes. */
export function openError(path: string, thrown: unknown): unknown {
  if (isDamage(thrown)) return damaged(path, thrown);
  if (ACCESS_CODES.has(sqliteCode(thrown))) return noAccess(path, thrown);
  const error = storageError(thrown);
  if (!(error instanceof SealwireError) || error.reason !== "UNAVAILABLE" || error === thrown) return error;
  return unavailable(path, thrown);
}

/** The error of a file that cannot be made or opened for writing. */
export function fileError(path: string, thrown: unknown): SealwireError {
  const { code } = thrown as NodeJS.ErrnoException;
  return PASSING_ERRNOS.has(code) ? unavailable(path, thrown) : noAccess(path, thrown);
}

/** The error of a database whose content makes no sense. */
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
    `The store "${path}" cannot be opened for writing: ${(cause as Error).message}.\nCheck the folder, and what this user may do there.`,
    { cause },
  );
}

function unavailable(path: string, cause: unknown): SealwireError {
  return new SealwireError("UNAVAILABLE", `The store "${path}" cannot be used just now: ${(cause as Error).message}.`, {
    retryDelayMs: 1000,
    cause,
  });
}

/** The OPTIONS_INVALID about a path where there is no store. `more`: what else there is to do. */
export function noStore(path: string, more = ""): SealwireError {
  const toDo = `Name the server's folder with --data. ${more}`.trimEnd();
  return new SealwireError("OPTIONS_INVALID", `There is no store at "${path}".\n${toDo}`);
}
