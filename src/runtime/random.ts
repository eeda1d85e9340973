import { randomBytes, randomUUID } from "node:crypto";

/** The only source of randomness. Passed in, so that tests can fix it. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
  /** A number in [0, 1), for jitter only. */
  fraction(): number;
}

/** The system's random source. */
export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  uuid: () => randomUUID(),
  fraction: () => Math.random(),
};
