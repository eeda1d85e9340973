/** Bytes in a notation that keeps long runs short: hex, and runs of one byte. One after the other they are the bytes. */
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

/** Reads {@link toRuns} back. */
export function fromRuns(runs: ByteRuns): Buffer {
  return Buffer.concat(
    runs.map((run) => (typeof run === "string" ? Buffer.from(run, "hex") : Buffer.alloc(run.times, run.byte, "hex"))),
  );
}

function digits(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
