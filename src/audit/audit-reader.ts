import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { SealwireError } from "../errors.ts";
import { parseTime } from "../files/json-fields.ts";
import type { AuditFeed, AuditFilters, AuditLine, AuditPage, AuditQuery } from "./audit-feed.ts";
import { type ChainHead, type ReadLine, readLine } from "./line.ts";

const CHUNK_BYTES = 64 * 1024;
/** Bytes that one page looks through. The next page continues there. */
const PAGE_BYTES = 8 * 1024 * 1024;
/** Bytes in which a complete line is looked for first. */
const PROBE_BYTES = 4 * 1024;
const LINE_FEED = 0x0a;
/** Does not wait for the writer of a named pipe. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** Reads lines backwards from the end of the file at `path`. Files before a rotation are not read. */
export class AuditReader implements AuditFeed {
  readonly #path: string | undefined;

  /** `path`: `undefined` if the log has no file. */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** Throws UNAVAILABLE if the file cannot be read. */
  async read({ limit, before = Number.POSITIVE_INFINITY, filters }: AuditQuery): Promise<AuditPage> {
    if (this.#path === undefined) throw unreadable("it has no file");
    const lines: AuditLine[] = [];
    let left = PAGE_BYTES;
    let last: number | undefined;
    try {
      await using handle = await open(this.#path, READ);
      if (!(await handle.stat()).isFile()) throw unreadable("it is no regular file");
      for await (const text of linesBackwards(handle, await endBelow(handle, before))) {
        const read = readLine(text);
        if (read === undefined || read.head.sequence >= before) continue;
        left -= text.length;
        const line = shownLine(text, read);
        if (matches(line, filters)) lines.push(line);
        last = read.head.sequence;
        if (lines.length >= limit || left <= 0) return { lines, ...(last > 1 && { before: last }) };
      }
    } catch (error) {
      if (error instanceof SealwireError) throw error;
      throw unreadable((error as NodeJS.ErrnoException).code ?? String(error));
    }
    return { lines };
  }
}

/**
 * A position in the file below which all lines with a lower sequence are, and few others, found by bisection. The sequences
 * of the newest chain ascend, and all other chains are before it.
 */
async function endBelow(handle: FileHandle, before: number): Promise<number> {
  let { size: end } = await handle.stat();
  if (before === Number.POSITIVE_INFINITY) return end;
  const newest = await newestChain(handle, end);
  let [low, high] = [0, end];
  while (high - low > CHUNK_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const line = await lineAfter(handle, middle, high);
    if (line !== undefined && (line.head.chain !== newest || line.head.sequence < before)) {
      low = line.start;
      continue;
    }
    if (line !== undefined) end = line.start;
    high = middle;
  }
  return end;
}

async function newestChain(handle: FileHandle, end: number): Promise<string | undefined> {
  for await (const text of linesBackwards(handle, end)) {
    const read = readLine(text);
    if (read !== undefined) return read.head.chain;
  }
  return undefined;
}

/** The first readable line that begins between two positions. */
async function lineAfter(
  handle: FileHandle,
  from: number,
  until: number,
): Promise<{ readonly start: number; readonly head: ChainHead } | undefined> {
  for (let length = PROBE_BYTES; ; length *= 2) {
    const bytes = Buffer.alloc(Math.min(length, until - from));
    await handle.read(bytes, 0, bytes.length, from);
    let start = bytes.indexOf(LINE_FEED) + 1;
    for (let end = bytes.indexOf(LINE_FEED, start); start > 0 && end > 0; end = bytes.indexOf(LINE_FEED, start)) {
      const read = readLine(bytes.toString("utf8", start, end));
      if (read !== undefined) return { start: from + start, head: read.head };
      start = end + 1;
    }
    if (bytes.length < length) return undefined;
  }
}

/** The complete lines of a file below a position, last first. */
async function* linesBackwards(handle: FileHandle, below: number): AsyncGenerator<string> {
  let end = below;
  let rest: Buffer = Buffer.alloc(0);
  let isFirst = true;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const chunk = Buffer.alloc(end - start);
    await handle.read(chunk, 0, chunk.length, start);
    let bytes = Buffer.concat([chunk, rest]);
    for (let at = bytes.lastIndexOf(LINE_FEED); at >= 0; at = bytes.lastIndexOf(LINE_FEED)) {
      // What follows the last line feed is no complete line.
      if (!isFirst) yield bytes.toString("utf8", at + 1);
      isFirst = false;
      bytes = bytes.subarray(0, at);
    }
    rest = bytes;
    end = start;
  }
  if (!isFirst && rest.length > 0) yield rest.toString();
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

function matches(line: AuditLine, { clientId, action, outcome, reason, sinceMs }: AuditFilters): boolean {
  return (
    (clientId === undefined || line.clientId === clientId) &&
    (action === undefined || line.action === action) &&
    (outcome === undefined || line.outcome === outcome) &&
    (reason === undefined || line.reason === reason) &&
    (sinceMs === undefined || line.timeMs >= sinceMs)
  );
}

function unreadable(problem: string): SealwireError {
  return new SealwireError("UNAVAILABLE", `The audit log of this server cannot be read (${problem}).`);
}
