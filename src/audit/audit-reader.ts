import { type FileHandle, open } from "node:fs/promises";
import { SealwireError } from "../errors.ts";
import { parseTime } from "../files/json-fields.ts";
import type { AuditFeed, AuditFilters, AuditLine, AuditPage, AuditQuery } from "./audit-feed.ts";
import { readLine } from "./line.ts";

const CHUNK_BYTES = 64 * 1024;
/** Bytes that one page looks through. The next page continues there. */
const PAGE_BYTES = 8 * 1024 * 1024;
const LINE_FEED = 0x0a;

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
      await using handle = await open(this.#path, "r");
      for await (const text of linesBackwards(handle)) {
        const read = readLine(text);
        if (read === undefined || read.head.sequence >= before) continue;
        left -= text.length;
        const line = shownLine(text, read.fields);
        if (matches(line, filters)) lines.push(line);
        last = read.head.sequence;
        if (lines.length >= limit || left <= 0) return { lines, ...(last > 1 && { before: last }) };
      }
    } catch (error) {
      throw unreadable((error as NodeJS.ErrnoException).code ?? String(error));
    }
    return { lines };
  }
}

/** The complete lines of a file, last first. */
async function* linesBackwards(handle: FileHandle): AsyncGenerator<string> {
  let end = (await handle.stat()).size;
  let rest: Buffer = Buffer.alloc(0);
  let isFirst = true;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const chunk = Buffer.alloc(end - start);
    await handle.read(chunk, 0, chunk.length, start);
    let bytes = Buffer.concat([chunk, rest]);
    for (let at = bytes.lastIndexOf(LINE_FEED); at >= 0; at = bytes.lastIndexOf(LINE_FEED)) {
      // What follows the last line feed of the file is no complete line.
      if (!isFirst) yield bytes.toString("utf8", at + 1);
      isFirst = false;
      bytes = bytes.subarray(0, at);
    }
    rest = bytes;
    end = start;
  }
  if (!isFirst && rest.length > 0) yield rest.toString();
}

function shownLine(text: string, fields: Readonly<Record<string, unknown>>): AuditLine {
  const { client, key } = (fields.actor ?? {}) as { readonly client?: string; readonly key?: string };
  const optional = {
    clientId: client,
    keyId: key,
    target: fields.target,
    reason: fields.reason,
    source: fields.source,
    requestId: fields.request_id,
    jobId: fields.job_id,
    count: fields.count,
  };
  return {
    sequence: Number(fields.sequence),
    timeMs: parseTime(String(fields.time)) ?? 0,
    instance: String(fields.instance),
    action: String(fields.action),
    outcome: String(fields.outcome),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    text,
  };
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
