/* The file is long because writing, failing, reopening and closing share one queue and its state. */

import { SealwireError } from "../errors.ts";
import { formatTime } from "../files/json-fields.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { runPeriodically } from "../runtime/periodic.ts";
import { VERSION } from "../runtime/version.ts";
import type { AuditKey } from "../signing/key-ring/types.ts";
import type { AuditHeads } from "../store/audit-heads.ts";
import { ChainWriter } from "./chain-writer.ts";
import type { AuditDetail, AuditEvent, AuditTrail } from "./event.ts";
import { FileSink } from "./file-sink.ts";
import { HeadKeeper, type LogStart } from "./head-keeper.ts";
import type { ChainHead } from "./line.ts";
import { type AuditSink, type LineWriter, WriterSink } from "./sink.ts";
import type { TornLine } from "./tail.ts";

/** Interval at which the head is recorded in the store, and a moved file is noticed, in milliseconds. */
const HEAD_MS = 10_000;
/** Interval of the attempts to write after a failure, in milliseconds. Also the retry delay of refused calls. */
const RETRY_MS = 1_000;
/** Lines that wait in memory. */
const WAITING_MAX = 10_000;
/** Lines of one write. */
const BATCH_MAX = 256;

/** Options of {@link AuditLog.open}. */
export interface AuditLogOptions {
  /** Path of a file, or where else the lines go. */
  readonly to: string | LineWriter;
  /** True if nothing that has a line may begin before its line is written. */
  readonly required: boolean;
  /** The key that seals the next lines. */
  readonly key: () => AuditKey;
  /** Id of the server. */
  readonly server: string;
  /** Id of this process. */
  readonly instance: string;
  /** Further facts for the lines with which a process begins and ends its part of the log. Default: none. */
  readonly facts?: () => Readonly<Record<string, AuditDetail>>;
  /** Name of this machine. With the path it identifies the chain that a new file follows. */
  readonly host: string;
  /** Keeps the head of a file's chain. Default: none. */
  readonly heads?: AuditHeads | undefined;
  /** Called when the figures have changed. */
  readonly onFigures?: (figures: AuditFigures) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The figures of an audit log, since it was opened. */
export interface AuditFigures {
  readonly lines: number;
  /** Lines that were lost because they could not be written. */
  readonly lost: number;
  /** Actions that did not begin because their line could not be written. */
  readonly refused: number;
  /** True if the last attempt to write succeeded. */
  readonly writable: boolean;
}

/** A line that waits to be written. */
interface Waiting {
  readonly event: AuditEvent;
  readonly timeMs: number;
  /** Set if somebody waits for the line. */
  readonly settle: ((error?: SealwireError) => void) | undefined;
}

/**
 * Appends the events of a server to a chain of lines. The lines of one turn of the event loop are written together. While
 * they cannot be written, up to 10,000 wait in memory; further ones are lost and counted.
 */
export class AuditLog implements AuditTrail, AsyncDisposable {
  readonly #options: AuditLogOptions;
  readonly #sink: AuditSink;
  readonly #writer: ChainWriter;
  readonly #heads: HeadKeeper;
  readonly #keeper: AsyncDisposable;
  readonly #listeners = new Set<() => void>();
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** Since when lines cannot be written, Unix milliseconds. */
  #failingSinceMs: number | undefined;
  #retry: Disposable | undefined;
  #lines = 0;
  #lost = 0;
  #refused = 0;
  /** The losses and refusals that the log itself reports. */
  #told = { lost: 0, refused: 0 };
  #reopenAsked = false;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  private constructor(
    options: AuditLogOptions,
    { sink, heads, head }: { readonly sink: AuditSink; readonly heads: HeadKeeper; readonly head: ChainHead },
  ) {
    this.#options = options;
    this.#sink = sink;
    this.#heads = heads;
    this.#writer = new ChainWriter({ ...options, sink, head });
    this.#keeper = runPeriodically(options.clock, HEAD_MS, () => this.#keep());
  }

  /**
   * Opens a log and writes its first line. Continues the chain in the file; if the store knows a later line of the chain,
   * continues that one, so that the lines between are missed by whoever verifies the file. A new file begins a chain, whose
   * first line names the last one of the chain before. Throws OPTIONS_INVALID if the file cannot be used, UNAVAILABLE if
   * the store cannot be read.
   */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const sink = typeof options.to === "string" ? await FileSink.open(options.to) : new WriterSink(options.to);
    try {
      const heads = new HeadKeeper({ ...options, sink, heads: options.heads });
      const start = await heads.first();
      const log = new AuditLog(options, { sink, heads, head: start.head });
      log.#noteOpen("start", start);
      await log.#flushed();
      await heads.record(log.head);
      return log;
    } catch (thrown) {
      await sink[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get blocked(): boolean {
    return this.#options.required && this.#failingSinceMs !== undefined;
  }

  /** The figures since the log was opened. */
  get figures(): AuditFigures {
    const writable = this.#failingSinceMs === undefined;
    return { lines: this.#lines, lost: this.#lost, refused: this.#refused, writable };
  }

  /** The last line that was written. */
  get head(): ChainHead {
    return this.#writer.head;
  }

  /** Path of the file; `undefined` if there is none. */
  get path(): string | undefined {
    return this.#sink.path;
  }

  begin(event: AuditEvent): Promise<void> {
    if (this.#isClosed || this.#failingSinceMs !== undefined || this.#waiting.length >= WAITING_MAX) {
      // Nothing begins after the last line.
      if (this.#options.required || this.#isClosed) return Promise.reject(this.#refusal());
      this.note(event);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#add(event, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  note(event: AuditEvent): void {
    if (this.#isClosed) return;
    if (this.#waiting.length < WAITING_MAX) this.#add(event);
    else this.#lose();
  }

  onUnblock(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /**
   * Opens the file again if it was moved or removed, and begins the new one with the last head. Never rejects: a file
   * that cannot be opened is logged, and the old one stays in use.
   */
  async reopen(): Promise<void> {
    this.#reopenAsked = true;
    this.#start();
    await this.#flushed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #add(event: AuditEvent, settle?: Waiting["settle"]): void {
    this.#waiting.push({ event, timeMs: this.#options.clock.nowMs(), settle });
    if (this.#failingSinceMs === undefined) this.#start();
  }

  #noteOpen(cause: "start" | "rotation", { follows }: Pick<LogStart, "follows"> = {}): void {
    const facts = this.#options.facts?.();
    const details = { cause, software: VERSION, ...facts, ...(follows && { follows: { ...follows } }) };
    const target = { type: "log", id: this.#sink.name } as const;
    this.#waiting.unshift({
      event: { action: "log.open", outcome: "succeeded", target, details },
      timeMs: this.#options.clock.nowMs(),
      settle: undefined,
    });
    this.#start();
  }

  #lose(): void {
    this.#lost += 1;
    this.#tellFigures();
  }

  #tellFigures(): void {
    this.#options.onFigures?.(this.figures);
  }

  #refusal(): SealwireError {
    this.#refused += 1;
    this.#tellFigures();
    const text = "The server's audit log cannot be written just now, so the call was not begun; try again.";
    return new SealwireError("UNAVAILABLE", text, { retryDelayMs: RETRY_MS });
  }

  /** Resolves when no write is under way. */
  async #flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #start(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      // An event may have come after the last look.
      if (this.#reopenAsked || (this.#waiting.length > 0 && this.#failingSinceMs === undefined)) this.#start();
    });
  }

  async #writeAll(): Promise<void> {
    // Collects the lines of this turn.
    await new Promise((resolve) => setImmediate(resolve));
    do {
      if (this.#reopenAsked) await this.#reopenNow();
      if (this.#failingSinceMs === undefined && this.#waiting.length > 0) await this.#writeSome();
    } while (this.#reopenAsked || (this.#failingSinceMs === undefined && this.#waiting.length > 0));
  }

  async #reopenNow(): Promise<void> {
    this.#reopenAsked = false;
    try {
      const tail = await this.#sink.reopen();
      if (tail === undefined) return;
      this.#writer.continue(tail);
      this.#noteOpen("rotation");
    } catch (err) {
      this.#options.logger.error({ err }, "the audit log cannot be opened again; the old file stays in use");
    }
  }

  /** Writes some waiting lines, after one about a failure that is over. */
  async #writeSome(): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH_MAX);
    const now = { lost: this.#lost, refused: this.#refused };
    const isBehind = now.lost > this.#told.lost || now.refused > this.#told.refused;
    const lead = this.#failingSinceMs === undefined && !isBehind ? [] : this.#resumeLines(batch.length);
    const all = [...lead, ...batch];
    if (all.length === 0) return;
    const torn = this.#writer.takeTorn(all.length);
    const telling = torn.map(({ torn: lines }, index) => withTorn(all[index] as Waiting, lines));
    const { lines, error } = await this.#writer.write([...telling, ...all.slice(torn.length)]);
    this.#lines += lines;
    this.#writer.giveBack(torn.slice(lines));
    if (lines > 0 && lead.length > 0) this.#resumed(now);
    const written = Math.max(0, lines - lead.length);
    for (const { settle } of batch.slice(0, written)) settle?.();
    if (lines < lead.length + batch.length) this.#failed(error, batch.slice(written));
    this.#tellFigures();
  }

  /** A line about the failure that is over, and further ones if `others` lines cannot report all incomplete ones. */
  #resumeLines(others: number): readonly Waiting[] {
    const since = this.#failingSinceMs;
    const told = {
      ...(since !== undefined && { since: formatTime(since) }),
      lost: this.#lost - this.#told.lost,
      refused: this.#refused - this.#told.refused,
    };
    const further = Math.max(0, this.#writer.linesForTorn - others - 1);
    return [told, ...Array<AuditEvent["details"]>(further).fill({ lost: 0, refused: 0 })].map((details) => ({
      event: {
        action: "log.resume",
        outcome: "succeeded",
        target: { type: "log", id: this.#sink.name },
        ...(details && { details }),
      },
      timeMs: this.#options.clock.nowMs(),
      settle: undefined,
    }));
  }

  #resumed(told: { readonly lost: number; readonly refused: number }): void {
    this.#told = told;
    if (this.#failingSinceMs === undefined) return;
    this.#failingSinceMs = undefined;
    this.#options.logger.info({ path: this.#sink.path, ...told }, "the audit log can be written again");
    for (const listener of [...this.#listeners]) listener();
  }

  /** Keeps the lines that were not written, but those of actions that will not begin. */
  #failed(error: unknown, left: readonly Waiting[]): void {
    const { required, clock, logger } = this.#options;
    const kept: Waiting[] = [];
    const all = [...left, ...this.#waiting];
    this.#failingSinceMs ??= clock.nowMs();
    for (const waiting of all) {
      if (waiting.settle === undefined || !required) kept.push({ ...waiting, settle: undefined });
      if (waiting.settle === undefined) continue;
      if (required) waiting.settle(this.#refusal());
      else waiting.settle();
    }
    this.#waiting = kept;
    if (this.#retry === undefined) {
      const effect = required ? "calls with side effects are refused" : "calls are served without it";
      logger.error({ err: error, path: this.#sink.path }, `the audit log cannot be written; ${effect}`);
    }
    this.#retry = clock.after(RETRY_MS, () => void this.#tryAgain());
  }

  async #tryAgain(): Promise<void> {
    await this.#flushed();
    if (this.#failingSinceMs === undefined || this.#closing !== undefined) return;
    this.#writing = this.#writeSome().finally(() => {
      this.#writing = undefined;
      if (this.#failingSinceMs === undefined) {
        this.#retry = undefined;
        this.#start();
      }
    });
    await this.#writing;
  }

  /** Notices a moved file, and records the head in the store once it is on disk. */
  async #keep(): Promise<void> {
    if (this.#sink.path === undefined) return;
    await this.reopen();
    await this.#heads.record(this.#writer.head);
  }

  async #close(): Promise<void> {
    await this.#keeper[Symbol.asyncDispose]();
    this.#retry?.[Symbol.dispose]();
    const target = { type: "log", id: this.#sink.name } as const;
    const details = this.#options.facts?.();
    this.note({ action: "log.close", outcome: "succeeded", target, ...(details && { details }) });
    this.#isClosed = true;
    await this.#flushed();
    if (this.#failingSinceMs !== undefined) await this.#writeSome();
    while (this.#failingSinceMs === undefined && this.#waiting.length > 0) await this.#writeSome();
    const lost = this.#waiting.length;
    if (lost > 0) this.#options.logger.error({ lost }, "the last lines of the audit log could not be written");
    this.#retry?.[Symbol.dispose]();
    await this.#heads.record(this.#writer.head);
    await this.#sink[Symbol.asyncDispose]();
  }
}

/** A line that reports incomplete ones besides. */
function withTorn(waiting: Waiting, torn: readonly TornLine[]): Waiting {
  const { event } = waiting;
  return { ...waiting, event: { ...event, details: { ...event.details, torn: torn.map((each) => ({ ...each })) } } };
}
