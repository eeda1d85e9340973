/** Bytes in a notation that keeps long runs short: hex, and runs of the same bytes. One after the other they are the bytes. */
export type ByteRuns = readonly (string | { readonly byte: string; readonly times: number })[];

/** Shorter runs than this are written out. */
const MIN_RUN = 32;

/** Writes bytes with every long run of one byte counted. */
export function toRuns(bytes: Uint8Array): ByteRuns {
  const runs: (string | { byte: string; times: number })[] = [];
  let written = 0;
  for (let start = 0; start < bytes.length; ) {
    let end = start + 1;
    while (bytes[end] === bytes[start]) end += 1;
    if (end - start >= MIN_RUN) {
      if (start > written) runs.push(digits(bytes.subarray(written, start)));
      runs.push({ byte: digits(bytes.subarray(start, start + 1)), times: end - start });
      written = end;
    }
    start = end;
  }
  if (written < bytes.length) runs.push(digits(bytes.subarray(written)));
  return runs;
}

/** Reads bytes written as hex, or in runs. */
export function fromRuns(runs: string | ByteRuns): Buffer {
  if (typeof runs === "string") return Buffer.from(runs, "hex");
  return Buffer.concat(runs.map((run) => (typeof run === "string" ? fromRuns(run) : repeated(run))));
}

function repeated({ byte, times }: { readonly byte: string; readonly times: number }): Buffer {
  return Buffer.alloc((byte.length / 2) * times, byte, "hex");
}

function digits(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
