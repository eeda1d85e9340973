import type { FileTail } from "./tail.ts";

/** How far a write came. */
export interface WriteResult {
  /** Number of bytes that were written. */
  readonly written: number;
  /** Why not all of them were written. */
  readonly error?: unknown;
}

/** Where the lines of an audit log go. */
export interface AuditSink extends AsyncDisposable {
  /** Names it in messages and in the chain. */
  readonly name: string;
  /** Path of the file; `undefined` for a function. */
  readonly path: string | undefined;
  /** What it held when it was opened. */
  readonly tail: FileTail;
  /** Appends bytes. Never rejects. */
  write(bytes: Buffer): Promise<WriteResult>;
  /** Makes what was written survive a power loss, where the file system can. */
  sync(): Promise<void>;
  /**
   * Opens the file at the path again if it is another one, and returns what that one holds; `undefined` if it is the
   * same. Throws OPTIONS_INVALID, and the old file stays in use.
   */
  reopen(): Promise<FileTail | undefined>;
}

/** Writes lines somewhere. Resolves when they are written; rejects if none of them was. */
export type LineWriter = (lines: Uint8Array) => Promise<void>;

/** Lines go to a function, such as one that writes to standard output. */
export class WriterSink implements AuditSink {
  readonly name = "-";
  readonly path = undefined;
  readonly tail: FileTail = { head: undefined, torn: undefined, isOpen: false };
  readonly #write: LineWriter;

  constructor(write: LineWriter) {
    this.#write = write;
  }

  async write(bytes: Buffer): Promise<WriteResult> {
    try {
      await this.#write(bytes);
      return { written: bytes.length };
    } catch (error) {
      return { written: 0, error };
    }
  }

  async sync(): Promise<void> {}

  async reopen(): Promise<undefined> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
