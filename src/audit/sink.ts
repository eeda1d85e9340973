import type { Writable } from "node:stream";
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
  /** Path of the file; `undefined` for a stream. */
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

/** Lines go to a stream, such as standard output. */
export class StreamSink implements AuditSink {
  readonly name = "-";
  readonly path = undefined;
  readonly tail: FileTail = { head: undefined, torn: undefined, isOpen: false };
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(bytes: Buffer): Promise<WriteResult> {
    return new Promise((resolve) => {
      const done = (error?: Error | null): void => {
        this.#stream.off("error", done);
        resolve(error ? { written: 0, error } : { written: bytes.length });
      };
      // Without a listener, the error of a reader that is gone would end the process.
      this.#stream.once("error", done);
      this.#stream.write(bytes, done);
    });
  }

  async sync(): Promise<void> {}

  async reopen(): Promise<undefined> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
