import { closeSync, fchmodSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { tryKernelLock } from "../../files/kernel-lock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { OpenCall, OpenCallJournal } from "./open-calls.ts";

/** Options of {@link openCallJournal}. */
export interface CallJournalOptions {
  /** The folder of the journals, which is created with mode 0700 if it is missing. */
  readonly folder: string;
  readonly logger: Logger;
}

/** Number of bridges that can keep a journal in one folder at the same time. */
const JOURNALS_MOST = 32;
/** Size from which a journal without open calls is emptied. */
const EMPTY_FROM_BYTES = 65_536;

/**
 * Opens a journal of calls in flight that survives `kill -9`. Each bridge has a file of its own, with mode 0600 and
 * without arguments or results. A kernel lock tells whether its bridge still runs: calls of one that runs are not
 * continued by another. A folder that cannot be written is logged, and calls are then kept in memory only.
 */
export function openCallJournal({ folder, logger }: CallJournalOptions): (OpenCallJournal & Disposable) | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const left: OpenCall[] = [];
    let own: { readonly path: string; readonly lock: Disposable } | undefined;
    for (let index = 0; index < JOURNALS_MOST; index += 1) {
      const path = join(folder, `calls-${index}.jsonl`);
      if (own !== undefined && !hasContent(path)) continue;
      const lock = tryKernelLock(`${path}.lock`);
      if (lock === undefined) continue;
      left.push(...readJournal(path));
      if (own === undefined) own = { path, lock };
      else empty(path, lock);
    }
    if (own !== undefined) return new FileJournal(own, left, logger);
    logger.warn({ folder }, "too many bridges run with this folder; calls in flight are kept in memory only");
  } catch (err) {
    logger.warn({ folder, err }, "calls in flight are kept in memory only");
  }
  return undefined;
}

/** What a line of a journal says. */
type Line = { readonly begun: OpenCall } | { readonly ended: string };

class FileJournal implements OpenCallJournal, Disposable {
  readonly left: readonly OpenCall[];
  readonly #lock: Disposable;
  readonly #file: number;
  readonly #logger: Logger;
  readonly #open = new Set<string>();
  #bytes = 0;
  #hasFailed = false;

  constructor({ path, lock }: { readonly path: string; readonly lock: Disposable }, left: OpenCall[], logger: Logger) {
    this.left = left;
    this.#lock = lock;
    this.#logger = logger;
    this.#file = openSync(path, "a", 0o600);
    fchmodSync(this.#file, 0o600);
    ftruncateSync(this.#file);
    for (const call of left) this.begun(call);
  }

  begun(call: OpenCall): void {
    this.#open.add(call.requestId);
    this.#append({ begun: call });
  }

  ended({ requestId }: OpenCall): void {
    this.#open.delete(requestId);
    if (this.#open.size > 0 || this.#bytes < EMPTY_FROM_BYTES) {
      this.#append({ ended: requestId });
      return;
    }
    this.#try(() => ftruncateSync(this.#file));
    this.#bytes = 0;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    this.#lock[Symbol.dispose]();
  }

  #append(line: Line): void {
    this.#try(() => {
      this.#bytes += writeSync(this.#file, `${JSON.stringify(line)}\n`);
    });
  }

  /** A full disk must not fail a call. */
  #try(write: () => void): void {
    try {
      write();
    } catch (err) {
      if (!this.#hasFailed) this.#logger.warn({ err }, "the journal of calls in flight cannot be written");
      this.#hasFailed = true;
    }
  }
}

function hasContent(path: string): boolean {
  return readText(path) !== "";
}

function readJournal(path: string): OpenCall[] {
  const calls = new Map<string, OpenCall>();
  for (const line of readText(path).split("\n")) {
    const parsed = parseLine(line);
    if (parsed === undefined) continue;
    if ("begun" in parsed) calls.set(parsed.begun.requestId, parsed.begun);
    else calls.delete(parsed.ended);
  }
  return [...calls.values()];
}

/** Ignores a line that a killed process wrote only in part. */
function parseLine(line: string): Line | undefined {
  try {
    const { begun, ended } = JSON.parse(line) as { readonly begun?: Partial<OpenCall>; readonly ended?: unknown };
    if (typeof ended === "string") return { ended };
    const { key, requestId, beganAtMs } = begun ?? {};
    if (typeof key !== "string" || typeof requestId !== "string" || typeof beganAtMs !== "number") return undefined;
    return { begun: { key, requestId, beganAtMs } };
  } catch {
    return undefined;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function empty(path: string, lock: Disposable): void {
  using _ = lock;
  const file = openSync(path, "r+");
  ftruncateSync(file);
  closeSync(file);
}
