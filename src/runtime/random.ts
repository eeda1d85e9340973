import { randomBytes, randomFillSync, randomUUID } from "node:crypto";

/** The only source of randomness. Passed in, so that tests can fix it. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
  /** A number in [0, 1), for jitter only. */
  fraction(): number;
}

/** Small requests are served from a pool, because asking the system takes most of the time that a nonce costs. */
const POOL_BYTES = 4096;
const POOLED_MOST = 64;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** The system's random source. */
export const systemRandom: Random = {
  bytes: (length) => (length > POOLED_MOST ? randomBytes(length) : pooled(length)),
  uuid: () => randomUUID(),
  fraction: () => Math.random(),
};

/** Copies bytes out of the pool, which then no longer holds them. */
function pooled(length: number): Uint8Array {
  if (used + length > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = pool.slice(used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
}
