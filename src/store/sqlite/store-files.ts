import { type Stats, statSync } from "node:fs";

/** Identifies the file at a path. */
interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/** The state of the files of an open store. */
export type FilesState =
  | "in place"
  /** The database was deleted or replaced by another file. New writes are lost when this process ends. */
  | "database gone"
  /** Only the write-ahead log was deleted or replaced. */
  | "log gone";

/** Detects that the files of an open store were deleted or replaced, which SQLite does not report. */
export class StoreFiles {
  readonly #path: string;
  readonly #database: FileIdentity | undefined;
  readonly #log: FileIdentity | undefined;

  /** Records the files at `path`. */
  constructor(path: string) {
    this.#path = path;
    this.#database = identify(path);
    this.#log = identify(logPath(path));
  }

  /** Checks whether the files are still those that were opened. */
  look(): FilesState {
    if (!isSame(identify(this.#path), this.#database)) return "database gone";
    return isSame(identify(logPath(this.#path)), this.#log) ? "in place" : "log gone";
  }
}

/** The path of a database's write-ahead log. */
export function logPath(path: string): string {
  return `${path}-wal`;
}

/** The size of a file in bytes; 0 if it does not exist. */
export function sizeOf(path: string): number {
  return statOf(path)?.size ?? 0;
}

function identify(path: string): FileIdentity | undefined {
  const stats = statOf(path);
  return stats && { device: stats.dev, inode: stats.ino };
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function isSame(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one?.device === other?.device && one?.inode === other?.inode;
}
