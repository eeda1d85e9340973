import { formatTime, parseTime } from "../files/json-fields.ts";
import type { AuditFilters, AuditLine } from "./audit-feed.ts";
import { LINE_BYTES_MAX, type ReadLine, readLine } from "./line.ts";
import { type LinePosition, readLineStart } from "./line-position.ts";

const LINE_FEED = 0x0a;
/** Bytes of the lines in one page, after which it has no further one. An answer with them is below 4 MiB. */
const PAGE_LINES_BYTES = 2 * 1024 * 1024;

/** Looks for lines in pieces of a file that are given from its end to its beginning. */
export class LineSearch {
  /** The lines that were found, newest first. */
  readonly lines: AuditLine[] = [];
  readonly #limit: number;
  readonly #filters: AuditFilters;
  /** Texts that a line contains if it passes the filters. They spare the parsing of most others. */
  readonly #texts: readonly Buffer[];
  readonly #since: string;
  #oldest: LinePosition | undefined;
  #bytes = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** True while no line can be read: after the last line feed of the file, and in a line that is too long. */
  #skips = true;

  constructor(limit: number, filters: AuditFilters) {
    const { clientId, keyId, jobId, action, outcome, reason, sinceMs } = filters;
    this.#limit = limit;
    this.#filters = filters;
    const texts = [clientId, keyId, jobId, action, outcome, reason].filter((text) => text !== undefined);
    this.#texts = texts.map((text) => Buffer.from(JSON.stringify(text)));
    this.#since = sinceMs === undefined ? "" : formatTime(sinceMs);
  }

  get isFull(): boolean {
    return this.lines.length >= this.#limit || this.#bytes >= PAGE_LINES_BYTES;
  }

  /** The oldest line that was looked at. */
  get oldest(): LinePosition | undefined {
    return this.#oldest;
  }

  /** Looks at the piece that begins at `offset` and ends where the last one began. */
  look(piece: Buffer, offset: number): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([piece, this.#rest]);
    let end = bytes.length;
    for (let at = lineFeedBefore(bytes, end); at >= 0 && !this.isFull; at = lineFeedBefore(bytes, end)) {
      if (!this.#skips) this.#check(bytes.subarray(at + 1, end), offset + at + 1);
      this.#skips = false;
      end = at;
    }
    this.#skips ||= end > LINE_BYTES_MAX;
    this.#rest = bytes.subarray(0, this.#skips ? 0 : end);
    if (offset === 0 && !this.#skips && !this.isFull) this.#check(this.#rest, 0);
  }

  #check(line: Buffer, offset: number): void {
    const start = readLineStart(line);
    if (start !== undefined) this.#oldest = { sequence: start.sequence, offset };
    if (start !== undefined && !this.#mayMatch(line, start.time)) return;
    const text = line.toString();
    const read = readLine(text);
    if (read === undefined) return;
    this.#oldest = { sequence: read.head.sequence, offset };
    const shown = shownLine(text, read);
    if (!matches(shown, this.#filters)) return;
    this.lines.push(shown);
    this.#bytes += line.length;
  }

  #mayMatch(line: Buffer, time: string): boolean {
    return time >= this.#since && this.#texts.every((text) => line.includes(text));
  }
}

/** The last line feed before `end`; -1 if there is none. A negative position would be counted from the end. */
function lineFeedBefore(bytes: Buffer, end: number): number {
  return end === 0 ? -1 : bytes.lastIndexOf(LINE_FEED, end - 1);
}

/** A member of another type than the server writes is left out: nothing in a line is proven here. */
function shownLine(text: string, { head: { sequence }, fields }: ReadLine): AuditLine {
  const optional = {
    clientId: textIn(fields.actor, "client"),
    keyId: textIn(fields.actor, "key"),
    target: targetOf(fields.target),
    reason: textIn(fields, "reason"),
    source: textIn(fields, "source"),
    requestId: textIn(fields, "request_id"),
    jobId: textIn(fields, "job_id"),
    count: Number.isSafeInteger(fields.count) ? fields.count : undefined,
  };
  return {
    sequence,
    timeMs: parseTime(textIn(fields, "time") ?? "") ?? 0,
    instance: textIn(fields, "instance") ?? "",
    action: textIn(fields, "action") ?? "",
    outcome: textIn(fields, "outcome") ?? "",
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    text,
  };
}

function targetOf(value: unknown): AuditLine["target"] {
  const [type, id] = [textIn(value, "type"), textIn(value, "id")];
  return type === undefined || id === undefined ? undefined : { type, id };
}

function textIn(value: unknown, name: string): string | undefined {
  const member = (value as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  return typeof member === "string" ? member : undefined;
}

function matches(line: AuditLine, filters: AuditFilters): boolean {
  const { clientId, keyId, jobId, action, outcome, reason, sinceMs } = filters;
  return (
    (clientId === undefined || line.clientId === clientId) &&
    (keyId === undefined || line.keyId === keyId || isAbout(line, "key", keyId)) &&
    (jobId === undefined || line.jobId === jobId || isAbout(line, "job", jobId)) &&
    (action === undefined || line.action === action) &&
    (outcome === undefined || line.outcome === outcome) &&
    (reason === undefined || line.reason === reason) &&
    (sinceMs === undefined || line.timeMs >= sinceMs)
  );
}

function isAbout({ target }: AuditLine, type: string, id: string): boolean {
  return target?.type === type && target.id === id;
}
