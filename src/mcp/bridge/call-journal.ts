import {
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
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
/** Size from which a journal is written anew, with its open calls alone. */
const RENEW_FROM_BYTES = 65_536;
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND;

/**
 * Opens a journal of calls in flight that survives `kill -9`. Each bridge has a file of its own, with mode 0600 and
 * without arguments or results. A kernel lock tells whether its bridge still runs: calls of one that runs are not
 * continued by another. A folder that cannot be written is logged, and calls are then kept in memory only.
 */
export function openCallJournal({ folder, logger }: CallJournalOptions): (OpenCallJournal & Disposable) | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const left: OpenCall[] = [];
    const others: JournalPlace[] = [];
    let own: JournalPlace | undefined;
    for (let index = 0; index < JOURNALS_MOST; index += 1) {
      const path = join(folder, `calls-${index}.jsonl`);
      if (own !== undefined && readText(path) === "") continue;
      const lock = tryKernelLock(`${path}.lock`);
      if (lock === undefined) continue;
      left.push(...readJournal(path));
      if (own === undefined) own = { path, lock };
      else others.push({ path, lock });
    }
    const journal = own && new FileJournal(own, left, logger);
    // Only now, so that the calls are in one of the files at any time.
    for (const other of others) empty(other);
    if (journal !== undefined) return journal;
    logger.warn({ folder }, "too many bridges run with this folder; calls in flight are kept in memory only");
  } catch (err) {
    logger.warn({ folder, err }, "calls in flight are kept in memory only");
  }
  return undefined;
}

/** The file of a journal, which this process has locked. */
interface JournalPlace {
  readonly path: string;
  readonly lock: Disposable;
}

/** What a line of a journal says. */
type Line = { readonly begun: OpenCall } | { readonly ended: string };

class FileJournal implements OpenCallJournal, Disposable {
  readonly left: readonly OpenCall[];
  readonly #place: JournalPlace;
  readonly #logger: Logger;
  readonly #open: Map<string, OpenCall>;
  #file: number;
  #bytes = 0;
  #renewFromBytes = 0;
  #hasFailed = false;

  constructor(place: JournalPlace, left: readonly OpenCall[], logger: Logger) {
    this.left = left;
    this.#place = place;
    this.#logger = logger;
    this.#open = new Map(left.map((call) => [call.requestId, call]));
    this.#file = this.#renewed();
  }

  begun(call: OpenCall): void {
    this.#open.set(call.requestId, call);
    this.#append({ begun: call });
  }

  ended({ requestId }: OpenCall): void {
    this.#open.delete(requestId);
    this.#append({ ended: requestId });
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    this.#place.lock[Symbol.dispose]();
  }

  #append(line: Line): void {
    try {
      this.#bytes += writeSync(this.#file, textOf(line));
      if (this.#bytes < this.#renewFromBytes) return;
      const before = this.#file;
      this.#file = this.#renewed();
      closeSync(before);
    } catch (err) {
      // A full disk must not fail a call.
      if (!this.#hasFailed) this.#logger.warn({ err }, "the journal of calls in flight cannot be written");
      this.#hasFailed = true;
    }
  }

  /** Replaces the file by one with the open calls alone. A link at its place is replaced, and not followed. */
  #renewed(): number {
    const { path } = this.#place;
    const temporary = `${path}.new`;
    rmSync(temporary, { force: true });
    const file = openSync(temporary, CREATE, 0o600);
    try {
      const text = [...this.#open.values()].map((begun) => textOf({ begun })).join("");
      writeSync(file, text);
      renameSync(temporary, path);
      this.#bytes = text.length;
      this.#renewFromBytes = Math.max(RENEW_FROM_BYTES, 2 * text.length);
      return file;
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }
}

/** Begins with the end of the line before, which a full disk may have cut. */
function textOf(line: Line): string {
  return `\n${JSON.stringify(line)}\n`;
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

/** The text of a file; "" if there is none. A link or a pipe counts as none. */
function readText(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "utf8") : "";
}

function empty({ path, lock }: JournalPlace): void {
  using _ = lock;
  const file = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  ftruncateSync(file);
  closeSync(file);
}
