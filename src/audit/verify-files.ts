import { createReadStream } from "node:fs";
import { SealwireError } from "../errors.ts";
import type { AuditHeads } from "../store/audit-heads.ts";
import { LINE_BYTES_MAX } from "./line.ts";
import type { AuditVerifier } from "./verify.ts";

const LINE_FEED = 0x0a;

/**
 * Passes the lines of files to a verifier, in the given order, and the head of each chain that the store keeps. Throws
 * OPTIONS_INVALID for a file that cannot be read, and the errors of `heads`.
 */
export async function verifyFiles(
  verifier: AuditVerifier,
  { files, heads }: { readonly files: readonly string[]; readonly heads: Pick<AuditHeads, "read"> | undefined },
): Promise<void> {
  const add = async (line: Buffer, isComplete: boolean): Promise<void> => {
    const chain = verifier.add(line, isComplete);
    const kept = chain === undefined ? undefined : await heads?.read(chain);
    if (chain === undefined || !kept) return;
    verifier.watch({ chain, sequence: kept.sequence, mac: Buffer.from(kept.head).toString("hex") });
  };
  for (const file of files) {
    verifier.beginFile(file);
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

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk;
  } catch (cause) {
    throw unreadable(file, (cause as NodeJS.ErrnoException).code ?? String(cause), cause);
  }
}

function unreadable(file: string, problem: string, cause?: unknown): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The audit log ${file} cannot be read (${problem}).`, { cause });
}
