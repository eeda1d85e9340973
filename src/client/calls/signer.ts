import type { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Random } from "../../runtime/random.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { signRequest } from "../../signing/request/sign.ts";
import { areEqual, type CredentialsSource } from "../credentials-source.ts";
import { unlessAborted } from "./deadline.ts";

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

/** Maximum number of times that one operation tries other credentials, without progress in between. */
export const RENEWALS_MAX = 3;

/** Options of a {@link Signer}. */
export interface SignerOptions {
  readonly credentials: CredentialsSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
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
  readonly #logger: Logger;
  #last: ClientCredentials | undefined;
  #offsetMs = 0;

  constructor({ credentials, clock, random, logger }: SignerOptions) {
    this.#credentials = credentials;
    this.#logger = logger;
    this.#clock = clock;
    this.#random = random;
  }

  /** The credentials for the next attempt: the same object until they change, by which streams are told apart. */
  get credentials(): ClientCredentials {
    const current = this.#credentials.current();
    if (this.#last === undefined || (current !== this.#last && !areEqual(current, this.#last))) this.#last = current;
    return this.#last;
  }

  /** Signs one attempt of the intent `requestId`. */
  sign(
    attempt: {
      readonly method: string;
      readonly tool: string;
      readonly args: EncodedMessage;
      readonly requestId: string;
      readonly definitionDigest?: string | undefined;
    },
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

  /**
   * Resolves to true if there are other credentials after `attempt` was refused for its own. Rejects with the signal's
   * reason.
   */
  async renew({ credentials }: SignedAttempt, { reason }: SealwireError, signal: AbortSignal): Promise<boolean> {
    if (!REFUSED.has(reason) || signal.aborted) return false;
    const renewed = this.#renewed(credentials);
    return await unlessAborted(renewed, signal);
  }

  /** Never rejects: the refusal is what the caller must learn. */
  async #renewed(credentials: ClientCredentials): Promise<boolean> {
    try {
      return await this.#credentials.renew(credentials);
    } catch (err) {
      this.#logger.warn({ err }, "the source of the credentials failed; the previous credentials stay");
      return false;
    }
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
