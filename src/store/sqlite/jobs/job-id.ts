/** Makes the id of a job: a UUID of version 7 (RFC 9562), so that consecutive ids are adjacent in the index. */
export function makeJobId(nowMs: number, random: Uint8Array): string {
  const bytes = Buffer.from(random);
  bytes.writeUIntBE(Math.max(0, Math.trunc(nowMs)), 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The random bytes that {@link makeJobId} takes. */
export const JOB_ID_BYTES = 16;
