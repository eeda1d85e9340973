import { constants } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { SealwireError } from "../errors.ts";
import { tryKernelLock } from "../files/kernel-lock.ts";
import type { AuditSink, WriteResult } from "./sink.ts";
import { type FileTail, readTail } from "./tail.ts";

/** Does not wait for the reader of a named pipe. */
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const NEW_MODE = 0o600;

/** A file, and the lock that keeps other writers away from it. */
interface OpenedFile {
  readonly handle: FileHandle;
  readonly tail: FileTail;
  /** Its path without symlinks. */
  readonly realPath: string;
  readonly lock: Disposable;
}

/** Lines go to the end of a regular file, which one process writes at a time. */
export class FileSink implements AuditSink {
  readonly path: string;
  readonly tail: FileTail;
  #file: OpenedFile;

  private constructor(path: string, file: OpenedFile) {
    this.path = path;
    this.#file = file;
    this.tail = file.tail;
  }

  /**
   * Opens a file, which is created with mode 0600 if it is missing, and takes the lock beside it, `FILE.lock`, where FILE
   * is its path without symlinks. Throws OPTIONS_INVALID if it cannot be opened or locked, is no regular file, holds
   * something else or is written by another process.
   */
  static async open(given: string): Promise<FileSink> {
    const path = resolve(given);
    return new FileSink(path, await openFile(path, undefined));
  }

  get name(): string {
    return this.path;
  }

  async write(bytes: Buffer): Promise<WriteResult> {
    const { handle } = this.#file;
    let written = 0;
    try {
      while (written < bytes.length) {
        written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten;
      }
      return { written };
    } catch (error) {
      return { written, error };
    }
  }

  async sync(): Promise<void> {
    await this.#file.handle.datasync();
  }

  async reopen(): Promise<FileTail | undefined> {
    const previous = this.#file;
    const [current, found] = await Promise.all([previous.handle.stat(), stat(this.path).catch(() => undefined)]);
    if (found !== undefined && found.ino === current.ino && found.dev === current.dev) return undefined;
    this.#file = await openFile(this.path, previous);
    // The head that is recorded next may be a line of this file.
    await previous.handle.datasync().catch(() => {});
    await previous.handle.close();
    if (this.#file.lock !== previous.lock) previous.lock[Symbol.dispose]();
    return this.#file.tail;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.handle.close();
    this.#file.lock[Symbol.dispose]();
  }
}

/** `previous`: the file that the new one replaces, whose lock is kept if it has the same path. */
async function openFile(path: string, previous: OpenedFile | undefined): Promise<OpenedFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, APPEND, NEW_MODE);
  } catch (cause) {
    throw unusable(path, "cannot be opened", cause);
  }
  try {
    if (!(await handle.stat()).isFile()) throw irregular(path);
    const tail = await readTail(handle);
    if (tail === undefined) throw foreign(path);
    const realPath = await realpath(path);
    const lock = previous?.realPath === realPath ? previous.lock : lockOf(path, realPath);
    if (lock === undefined) throw inUse(path);
    return { handle, tail, realPath, lock };
  } catch (thrown) {
    await handle.close();
    throw thrown instanceof SealwireError ? thrown : unusable(path, "cannot be used", thrown);
  }
}

function lockOf(path: string, realPath: string): Disposable | undefined {
  try {
    return tryKernelLock(`${realPath}.lock`);
  } catch (cause) {
    if (cause instanceof SealwireError) throw cause;
    throw unusable(path, `cannot be locked by ${realPath}.lock`, cause);
  }
}

function unusable(path: string, problem: string, cause: unknown): SealwireError {
  const { code = String(cause) } = cause as NodeJS.ErrnoException;
  return new SealwireError("OPTIONS_INVALID", `The audit log ${path} ${problem} (${code}).`, { cause });
}

function irregular(path: string): SealwireError {
  const toDo = "Name a file, or give - for standard output.";
  return new SealwireError("OPTIONS_INVALID", `The audit log ${path} is no regular file.\n${toDo}`);
}

function inUse(path: string): SealwireError {
  const toDo = "Give each process a file of its own.";
  return new SealwireError("OPTIONS_INVALID", `Another process writes the audit log ${path}.\n${toDo}`);
}

function foreign(path: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The file ${path} is no audit log.\nName another file for it.`);
}
