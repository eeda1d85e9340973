import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { SealwireError } from "../errors.ts";
import { TickLimiter } from "../runtime/tick-limiter.ts";
import type { AuditFeed, AuditPage, AuditQuery } from "./audit-feed.ts";
import { formatPageToken, type LinePosition, parsePageToken, sequenceOf, strangePageToken } from "./line-position.ts";
import { LineSearch } from "./line-search.ts";

const CHUNK_BYTES = 64 * 1024;
/** Bytes of the file that are read for one page. The next page continues there. */
export const PAGE_BYTES = 8 * 1024 * 1024;
/** Pieces of {@link CHUNK_BYTES} that are looked at in one turn of the event loop, for all readers together. */
const CHUNKS_PER_TURN = 1;
const LINE_FEED = 0x0a;
/** Does not wait for the writer of a named pipe. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** Reads lines backwards from the end of the file at `path`. Files before a rotation are not read. */
export class AuditReader implements AuditFeed {
  readonly #path: string | undefined;
  /** A search must not delay calls. */
  readonly #tickLimiter = new TickLimiter(CHUNKS_PER_TURN);

  /** `path`: `undefined` if the log has no file. */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  async read(query: AuditQuery): Promise<AuditPage> {
    if (this.#path === undefined) throw noFile();
    const from = query.pageToken === undefined ? undefined : parsePageToken(query.pageToken);
    try {
      await using handle = await open(this.#path, READ);
      return await this.#readPage(handle, from, query);
    } catch (error) {
      if (error instanceof SealwireError) throw error;
      throw unreadable((error as NodeJS.ErrnoException).code ?? String(error));
    }
  }

  async #readPage(
    handle: FileHandle,
    from: LinePosition | undefined,
    { limit, filters }: AuditQuery,
  ): Promise<AuditPage> {
    const stat = await handle.stat();
    if (!stat.isFile()) throw unreadable("it is no regular file");
    const { size } = stat;
    if (from !== undefined) await checkPosition(handle, from, size);
    const end = from?.offset ?? size;
    const last = Math.max(0, end - PAGE_BYTES);
    const search = new LineSearch(limit, filters);
    let start = end;
    while (start > last && !search.isFull) {
      const offset = Math.max(last, start - CHUNK_BYTES);
      const chunk = await readRange(handle, offset, start);
      await this.#tickLimiter.do(() => search.look(chunk, offset));
      start = offset;
    }
    const { lines, oldest } = search;
    if (start === 0 && !search.isFull) return { lines };
    if (oldest === undefined) throw unreadable(`${PAGE_BYTES} bytes have no line of an audit log`);
    return { lines, ...(oldest.offset > 0 && { nextPageToken: formatPageToken(oldest) }) };
  }
}

/** Throws ARGS_INVALID if a token does not name a line of this file. */
async function checkPosition(handle: FileHandle, { sequence, offset }: LinePosition, size: number): Promise<void> {
  if (offset >= size) throw strangePageToken();
  const bytes = await readRange(handle, offset - 1, Math.min(size, offset + CHUNK_BYTES));
  const end = bytes.indexOf(LINE_FEED, 1);
  const line = bytes.subarray(1, end < 0 ? undefined : end);
  if (bytes[0] !== LINE_FEED || sequenceOf(line) !== sequence) throw strangePageToken();
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw unreadable("it was cut while it was read");
    done += bytesRead;
  }
  return bytes;
}

function noFile(): SealwireError {
  const message =
    "The audit log of this server is no file, so that it cannot be read back. Start it with --audit FILE.";
  return new SealwireError("TOOL_FAILED", message, { status: "FAILED_PRECONDITION" });
}

function unreadable(problem: string): SealwireError {
  return new SealwireError("UNAVAILABLE", `The audit log of this server cannot be read (${problem}).`);
}
