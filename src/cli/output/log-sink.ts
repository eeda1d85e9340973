import { write, writeSync } from "node:fs";
import type { Clock } from "../../runtime/clock.ts";

/** Maximum size of the buffer, in bytes. */
const BUFFER_MAX_BYTES = 1_048_576;
/** How long lines are collected for one write, in milliseconds. */
const GATHER_MS = 5;
/** Retry interval for a slow reader, in milliseconds. */
const FULL_RETRY_MS = 20;
/** Retry interval after a write error, in milliseconds. */
const FAULT_RETRY_MS = 1_000;
/** Minimum interval of reports on dropped lines, in milliseconds. */
const TELL_INTERVAL_MS = 1_000;
/** Time limit for writing the last lines, in milliseconds. */
const LAST_WRITE_MS = 1_000;

/** Options of a {@link LogSink}. */
export interface LogSinkOptions {
  readonly fd: number;
  readonly clock: Clock;
  /** Called when lines can be written again, with the number of lines dropped since the last call. */
  readonly onDropped: (lines: number) => void;
}

/**
 * Writes lines without blocking and with bounded memory. A full disk, or a reader that is slow or gone, loses lines
 * only. Failed writes are retried; lines that exceed the buffer are dropped and counted. pino's own destination is not
 * used, because it blocks the event loop (`sync: true`) or hangs in its final synchronous flush.
 */
export class LogSink {
  readonly #options: LogSinkOptions;
  #lines: string[] = [];
  /** The data that is being written. */
  #chunk = Buffer.alloc(0);
  /** Number of buffered characters, including those being written. */
  #size = 0;
  #isWriting = false;
  #timer: Disposable | undefined;
  #dropped = 0;
  #told = 0;
  #toldAtMs = -TELL_INTERVAL_MS;
  readonly #waitingForEnd: (() => void)[] = [];

  constructor(options: LogSinkOptions) {
    this.#options = options;
  }

  /** Number of dropped lines. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Accepts a line. Never throws or blocks. */
  write(line: string): void {
    if (this.#size + line.length > BUFFER_MAX_BYTES) {
      this.drop();
      return;
    }
    this.#size += line.length;
    this.#lines.push(line);
    if (!this.#isWriting) this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#write());
  }

  /** Counts a line as dropped. */
  drop(): void {
    this.#dropped += 1;
  }

  /** Resolves when everything is written, after one second at most. */
  async end(): Promise<void> {
    this.#tellDropped();
    if (this.#size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waitingForEnd.push(resolve);
    const giveUp = this.#options.clock.after(LAST_WRITE_MS, resolve);
    if (!this.#isWriting) this.#write();
    await promise;
    giveUp[Symbol.dispose]();
  }

  /** Synchronously writes as much as possible, for a process that ends now. */
  endNow(): void {
    if (!this.#isWriting) this.#take();
    const rest = this.#isWriting ? Buffer.from(this.#lines.join("")) : this.#chunk;
    this.#lines = [];
    try {
      for (let offset = 0; offset < rest.length; ) offset += writeSync(this.#options.fd, rest, offset);
    } catch {
      // The process ends, so the error cannot be reported.
    }
  }

  #take(): void {
    if (this.#chunk.length > 0) return;
    this.#chunk = Buffer.from(this.#lines.join(""));
    this.#size = this.#chunk.length;
    this.#lines = [];
  }

  #write(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#take();
    this.#isWriting = true;
    write(this.#options.fd, this.#chunk, (error, written) => {
      this.#isWriting = false;
      if (error !== null) this.#retry(error);
      else this.#goOn(written);
    });
  }

  #goOn(written: number): void {
    this.#chunk = this.#chunk.subarray(written);
    this.#size -= written;
    this.#tellDropped();
    if (this.#chunk.length > 0) this.#write();
    else if (this.#lines.length === 0) this.#tellEnd();
    else if (this.#waitingForEnd.length > 0) this.#write();
    else this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#write());
  }

  #retry({ code }: NodeJS.ErrnoException): void {
    const isFull = code === "EAGAIN";
    if (!isFull) this.#tellEnd();
    this.#timer ??= this.#options.clock.after(isFull ? FULL_RETRY_MS : FAULT_RETRY_MS, () => this.#write());
  }

  #tellEnd(): void {
    for (const resolve of this.#waitingForEnd.splice(0)) resolve();
  }

  /** Reports only while the buffer has room for the message. */
  #tellDropped(): void {
    const lines = this.#dropped - this.#told;
    if (lines === 0 || this.#size > BUFFER_MAX_BYTES / 2) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#toldAtMs < TELL_INTERVAL_MS && this.#waitingForEnd.length === 0) return;
    this.#toldAtMs = nowMs;
    this.#told = this.#dropped;
    this.#options.onDropped(lines);
  }
}
