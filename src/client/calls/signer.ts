import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { signRequest } from "../../signing/request/sign.ts";

/** A request message as bytes with the URL of its type. */
export interface EncodedMessage {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** One attempt of an intent, signed. */
export interface SignedAttempt {
  readonly frame: Buffer;
  /** The request's signature, which every answer to it is bound to. */
  readonly signature: Uint8Array;
  /** By this machine's clock, Unix milliseconds. */
  readonly signedAtMs: number;
}

const NONCE_BYTES = 16;
/** Further off than this the clock is left alone, whoever says so. */
const MAX_OFFSET_MS = 86_400_000;

/** Signs attempts, each with a fresh nonce and the time as the server sees it. */
export class Signer {
  readonly #credentials: ClientCredentials;
  readonly #clock: Clock;
  readonly #random: Random;
  #offsetMs = 0;

  constructor({ credentials, clock, random }: { credentials: ClientCredentials; clock: Clock; random: Random }) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#random = random;
  }

  /** Signs one attempt of the intent that `requestId` names. */
  sign(attempt: { method: string; tool: string; args: EncodedMessage; requestId: string }): SignedAttempt {
    const { clientId, keyId, requestKey, serverId } = this.#credentials;
    const signedAtMs = this.#clock.nowMs();
    const { frame, signature } = signRequest({
      ...attempt,
      clientId,
      keyId,
      requestKey,
      serverId,
      tsMs: Math.round(signedAtMs + this.#offsetMs),
      nonce: this.#random.bytes(NONCE_BYTES),
    });
    return { frame, signature, signedAtMs };
  }

  /**
   * Takes over the server's clock from a verified answer to `attempt` that arrives now. False if it differs from this
   * machine's by more than 24 h; then nothing changes.
   */
  adoptServerTime(serverTimeMs: number, attempt: SignedAttempt): boolean {
    // The server signed at some moment between sending and receiving: the middle is the best guess.
    const offsetMs = serverTimeMs - (attempt.signedAtMs + this.#clock.nowMs()) / 2;
    if (Math.abs(offsetMs) > MAX_OFFSET_MS) return false;
    this.#offsetMs = offsetMs;
    return true;
  }
}
