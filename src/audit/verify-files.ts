import { type FileHandle, open } from "node:fs/promises";
import { SealwireError } from "../errors.ts";
import { Disposables } from "../runtime/disposables.ts";
import type { AuditHeads, RecordedAuditHead } from "../store/audit-heads.ts";
import { type ChainHead, LINE_BYTES_MAX, readLine } from "./line.ts";
import type { AuditVerifier } from "./verify.ts";

const LINE_FEED = 0x0a;

/** Bytes at the beginning of a file in which its first line is looked for. */
const FIRST_BYTES = 64 * 1024;

/** How files begin that gzip, zstd, xz and bzip2 write. */
const COMPRESSED = ["1f8b", "28b52ffd", "fd377a585a00", "425a68"].map((magic) => Buffer.from(magic, "hex"));

/** A file that is read from its beginning, also if it is moved meanwhile. */
interface OpenedFile {
  readonly name: string;
  readonly handle: FileHandle;
}

/**
 * Passes the lines of files to a verifier, in the given order, and the head of each chain that the store keeps. Throws
 * OPTIONS_INVALID for a file that cannot be read, and the errors of `heads`.
 */
export async function verifyFiles(
  verifier: AuditVerifier,
  { files, heads }: { readonly files: readonly string[]; readonly heads: Pick<AuditHeads, "read"> | undefined },
): Promise<void> {
  const kept = new Map<string, ChainHead | undefined>();
  const keptOf = async (chain: string): Promise<ChainHead | undefined> => {
    if (!kept.has(chain)) kept.set(chain, headOf(chain, await heads?.read(chain)));
    return kept.get(chain);
  };
  const add = async (line: Buffer, isComplete: boolean): Promise<void> => {
    const chain = verifier.add(line, isComplete);
    const head = chain === undefined ? undefined : await keptOf(chain);
    if (head !== undefined) verifier.watch(head);
  };
  await using handles = new Disposables();
  // All files and heads are of one time. A rotation, while many files are read, would otherwise look like missing lines.
  const opened: OpenedFile[] = [];
  for (const name of files) opened.push({ name, handle: handles.use(await openFile(name)) });
  for (const file of opened) {
    const chain = await firstChain(file);
    if (chain !== undefined) await keptOf(chain);
  }
  for (const file of opened) {
    verifier.beginFile(file.name);
    let rest: Buffer = Buffer.alloc(0);
    let isLong = false;
    for await (const chunk of chunksOf(file)) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED)) {
        if (isLong) verifier.addLong();
        else await add(bytes.subarray(0, end), true);
        isLong = false;
        bytes = bytes.subarray(end + 1);
      }
      isLong ||= bytes.length > LINE_BYTES_MAX;
      rest = isLong ? Buffer.alloc(0) : bytes;
    }
    if (isLong) verifier.addLong();
    else if (rest.length > 0) await add(rest, false);
  }
}

async function openFile(name: string): Promise<FileHandle> {
  try {
    return await open(name);
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

async function* chunksOf({ name, handle }: OpenedFile): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of handle.createReadStream()) yield chunk;
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

/**
 * The chain of the first line; `undefined` if there is none, or if the file can be read only once, like a pipe. Throws
 * OPTIONS_INVALID for a compressed file.
 */
async function firstChain({ name, handle }: OpenedFile): Promise<string | undefined> {
  const first = await firstBytes(handle).catch((cause: unknown) => {
    throw unreadable(name, cause);
  });
  if (COMPRESSED.some((magic) => first.indexOf(magic) === 0)) throw compressed(name);
  const lines = first.toString().split("\n");
  return lines.map(readLine).find((line) => line !== undefined)?.head.chain;
}

async function firstBytes(handle: FileHandle): Promise<Buffer> {
  if (!(await handle.stat()).isFile()) return Buffer.alloc(0);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_BYTES), 0, FIRST_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

function compressed(file: string): SealwireError {
  const toDo = "Decompress it first: every line of it would count as changed.";
  return new SealwireError("OPTIONS_INVALID", `The file ${file} is compressed.\n${toDo}`);
}

function headOf(chain: string, stored: RecordedAuditHead | null | undefined): ChainHead | undefined {
  if (stored == null) return undefined;
  return { chain, sequence: stored.sequence, mac: Buffer.from(stored.head).toString("hex") };
}

function unreadable(file: string, cause: unknown): SealwireError {
  const problem = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new SealwireError("OPTIONS_INVALID", `The audit log ${file} cannot be read (${problem}).`, { cause });
}
