import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { type ChainHead, readLine } from "./line.ts";

/** Bytes at the end of a file in which its last line is looked for. */
const TAIL_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;

/** Bytes of a line that was not written completely. The next line reports them, so that they are no sign of a change. */
export interface TornLine {
  readonly bytes: number;
  readonly sha256: string;
}

/** The end of an audit log file. */
export interface FileTail {
  /** `undefined`: the file is empty. */
  readonly head: ChainHead | undefined;
  /** Bytes after the last complete line. */
  readonly torn: TornLine | undefined;
  /** True if the file does not end with a line feed. */
  readonly isOpen: boolean;
}

/** Describes an incomplete line. */
export function tornLine(bytes: Uint8Array): TornLine {
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Reads the end of a file; `undefined` if it is no audit log. */
export async function readTail(handle: FileHandle): Promise<FileTail | undefined> {
  const { size } = await handle.stat();
  if (size === 0) return { head: undefined, torn: undefined, isOpen: false };
  const start = Math.max(0, size - TAIL_BYTES);
  const bytes = Buffer.alloc(size - start);
  await handle.read(bytes, 0, bytes.length, start);
  const end = bytes.lastIndexOf(LINE_FEED) + 1;
  const rest = bytes.subarray(end);
  const last = rest.length === 0 ? undefined : readLine(rest.toString());
  // The process ended between a line and its line feed.
  if (last !== undefined) return { head: last.head, torn: undefined, isOpen: true };
  const torn = rest.length === 0 ? undefined : tornLine(rest);
  const head = lastHead(bytes.subarray(0, end));
  // A first line that was cut off begins as every line does.
  const isOwn = head !== undefined || (start === 0 && end === 0 && '{"version":1,"time":"'.startsWith(prefixOf(rest)));
  return isOwn ? { head, torn, isOpen: torn !== undefined } : undefined;
}

function prefixOf(rest: Buffer): string {
  return rest.subarray(0, 21).toString();
}

/** The head of the last line of an audit log among complete lines. */
function lastHead(bytes: Buffer): ChainHead | undefined {
  for (let end = bytes.length - 1; end > 0; ) {
    const start = bytes.lastIndexOf(LINE_FEED, end - 1) + 1;
    const line = readLine(bytes.toString("utf8", start, end));
    if (line !== undefined) return line.head;
    end = start - 1;
  }
  return undefined;
}
