import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { SealwireError } from "../errors.ts";
import { tryKernelLock } from "../files/kernel-lock.ts";
import type { AuditSink, WriteResult } from "./sink.ts";
import { type FileTail, readTail } from "./tail.ts";

const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
const NEW_MODE = 0o600;
const EMPTY: FileTail = { head: undefined, torn: undefined, isOpen: false };

/** Lines go to the end of a file, which one process writes at a time. */
export class FileSink implements AuditSink {
  readonly path: string;
  readonly tail: FileTail;
  #handle: FileHandle;
  readonly #lock: Disposable | undefined;

  private constructor(path: string, opened: OpenedFile, lock: Disposable | undefined) {
    this.path = path;
    this.#handle = opened.handle;
    this.tail = opened.tail;
    this.#lock = lock;
  }

  /**
   * Opens a file, which is created with mode 0600 if it is missing, and takes the lock `PATH.lock`. Throws
   * OPTIONS_INVALID if the file cannot be opened, holds something else or is written by another process.
   */
  static async open(given: string): Promise<FileSink> {
    const path = resolve(given);
    const opened = await openFile(path);
    try {
      const lock = opened.isRegular ? tryKernelLock(`${path}.lock`) : undefined;
      if (opened.isRegular && lock === undefined) throw inUse(path);
      return new FileSink(path, opened, lock);
    } catch (thrown) {
      await opened.handle.close();
      throw thrown;
    }
  }

  get name(): string {
    return this.path;
  }

  async write(bytes: Buffer): Promise<WriteResult> {
    let written = 0;
    try {
      while (written < bytes.length) {
        written += (await this.#handle.write(bytes, written, bytes.length - written)).bytesWritten;
      }
      return { written };
    } catch (error) {
      return { written, error };
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#handle.datasync();
    } catch (error) {
      // A device or a pipe cannot be synchronized.
      if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
    }
  }

  async reopen(): Promise<FileTail | undefined> {
    const [current, found] = await Promise.all([this.#handle.stat(), stat(this.path).catch(() => undefined)]);
    if (found !== undefined && found.ino === current.ino && found.dev === current.dev) return undefined;
    const next = await openFile(this.path);
    const previous = this.#handle;
    this.#handle = next.handle;
    await previous.close();
    return next.tail;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    this.#lock?.[Symbol.dispose]();
  }
}

interface OpenedFile {
  readonly handle: FileHandle;
  readonly tail: FileTail;
  readonly isRegular: boolean;
}

async function openFile(path: string): Promise<OpenedFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, APPEND, NEW_MODE);
  } catch (cause) {
    const problem = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SealwireError("OPTIONS_INVALID", `The audit log ${path} cannot be opened (${problem}).`, { cause });
  }
  try {
    const isRegular = (await handle.stat()).isFile();
    const tail = isRegular ? await readTail(handle) : EMPTY;
    if (tail === undefined) throw foreign(path);
    return { handle, tail, isRegular };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

function inUse(path: string): SealwireError {
  const toDo = "Give each process a file of its own.";
  return new SealwireError("OPTIONS_INVALID", `Another process writes the audit log ${path}.\n${toDo}`);
}

function foreign(path: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The file ${path} is no audit log.\nName another file for it.`);
}
