import type { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { signRequest } from "../../signing/request/sign.ts";
import type { CredentialsSource } from "../credentials-source.ts";

/** A serialized request message with its type URL. */
export interface EncodedMessage {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** One signed attempt of an intent. */
export interface SignedAttempt {
  readonly frame: Buffer;
  /** The credentials that signed, and whose response key verifies the answers. */
  readonly credentials: ClientCredentials;
  /** The signature of the request, to which every answer is bound. */
  readonly signature: Uint8Array;
  /** Time by the local clock, in Unix milliseconds. */
  readonly signedAtMs: number;
}

/** Reasons that other credentials may mend: they are unknown or revoked, or the key that opened the stream is. */
const REFUSED: ReadonlySet<string> = new Set(["CREDENTIALS_REFUSED", "KEY_REVOKED"]);
const NONCE_BYTES = 16;
/** Maximum correction of the clock. */
const MAX_OFFSET_MS = 86_400_000;

/** Signs attempts, each with a new nonce and the time by the server's clock as far as it is known. */
export class Signer {
  readonly #credentials: CredentialsSource;
  readonly #clock: Clock;
  readonly #random: Random;
  #offsetMs = 0;

  constructor({ credentials, clock, random }: { credentials: CredentialsSource; clock: Clock; random: Random }) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#random = random;
  }

  /** The credentials for the next attempt. */
  get credentials(): ClientCredentials {
    return this.#credentials.current();
  }

  /** Signs one attempt of the intent `requestId`. */
  sign(
    attempt: { method: string; tool: string; args: EncodedMessage; requestId: string },
    credentials = this.credentials,
  ): SignedAttempt {
    const { clientId, keyId, requestKey, serverId } = credentials;
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
    return { frame, credentials, signature, signedAtMs };
  }

  /** Resolves to true if there are newer credentials after `attempt` was refused for its own. */
  async renew({ credentials }: SignedAttempt, { reason }: SealwireError): Promise<boolean> {
    return REFUSED.has(reason) && (await this.#credentials.renew(credentials));
  }

  /**
   * Adopts the server's clock from a verified answer to `attempt` that has just arrived. Does nothing and returns false
   * if the clocks differ by more than 24 h.
   */
  adoptServerTime(serverTimeMs: number, attempt: SignedAttempt): boolean {
    // The server signed between sending and receiving. The middle is the best estimate.
    const offsetMs = serverTimeMs - (attempt.signedAtMs + this.#clock.nowMs()) / 2;
    if (Math.abs(offsetMs) > MAX_OFFSET_MS) return false;
    this.#offsetMs = offsetMs;
    return true;
  }
}
