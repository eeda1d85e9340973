import type { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { SealwireError } from "../../errors.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { describeSpan } from "../../runtime/time-span.ts";
import { checkVersion } from "../../validation/envelope.ts";
import { assumeVerified, type VerifiedBytes } from "../../validation/verified-bytes.ts";
import type { Image } from "../../wire/descriptors.ts";
import { quoteId } from "../../wire/error-message.ts";
import { readFrame } from "../../wire/frame.ts";
import { isUsable, type KeyRing, type VerificationKey } from "../key-ring/types.ts";
import { macKey } from "../mac.ts";
import { canonicalBytes, canonicalCandidate } from "./canonical-envelope.ts";
import { RetryBudget } from "./retry-budget.ts";
import { verifyRequest } from "./signature.ts";

/** Largest frame that is tried in canonical form, in bytes. */
export const MAX_CANONICAL_RETRY_BYTES = 64 * 1024;
/** Default of the second tries per second and key. */
export const CANONICAL_RETRIES_PER_SECOND = 50;
/** Default of the maximum age of a request, in milliseconds. */
export const MAX_AGE_MS = 300_000;
/** Default of how far a request's `ts_ms` may be ahead of the server's clock, in milliseconds. */
export const MAX_AHEAD_MS = 60_000;

/**
 * Replaces an unknown key, so that the response time does not reveal that the key is unknown. Never authenticates a
 * request.
 */
const DUMMY_KEY = macKey(Buffer.alloc(32));

/** A request whose signature is valid. Only a {@link RequestAuthenticator} makes one. */
export interface AuthenticatedRequest {
  readonly key: VerificationKey;
  /** The request's signature, to which the response is bound: 32 bytes, which do not share memory with the frame. */
  readonly signature: Uint8Array;
  /** The serialized Envelope as signed: the bytes received, or their canonical form. */
  readonly envelope: VerifiedBytes;
}

/** The key that a frame names which could not be authenticated. Unverified: for the audit log only. */
export interface ClaimedKey {
  /** At most 128 printable ASCII characters. */
  readonly keyId: string;
  /** The client of this key in the key ring; `undefined` for an unknown key. */
  readonly clientId: string | undefined;
}

/** The SIGNATURE_INVALID error for a well-formed frame. */
export class UnprovenFrameError extends SealwireError {
  readonly claimed: ClaimedKey;

  /** `cause`: the exact fault, a short string for the audit log only. */
  constructor(claimed: ClaimedKey, cause: string) {
    super("SIGNATURE_INVALID", undefined, { cause });
    this.claimed = claimed;
  }
}

/** Authenticates the signer of a frame. */
export interface RequestAuthenticator {
  /**
   * Verifies a frame that was received on the gRPC path `method`. Throws SIGNATURE_INVALID with one fixed text for
   * every fault. Its cause is a short string for the audit log only. The error is an {@link UnprovenFrameError} if the
   * frame names a key.
   */
  authenticate(method: string, frameBytes: Uint8Array): AuthenticatedRequest;
}

/** Options of {@link createRequestAuthenticator}. */
export interface RequestAuthenticatorOptions {
  /** Returns the key ring in force. Called for each frame. */
  readonly ring: () => KeyRing;
  /** The types that arguments may have. */
  readonly image: Image | (() => Image);
  /** Default: the system clock. */
  readonly clock?: Clock;
  /**
   * Second tries in canonical form per second and key (docs/protocol-server.md, "Second try"), 0 to 1,000,000; 0 disables
   * them. Default 50.
   */
  readonly canonicalRetriesPerSecond?: number;
}

/**
 * Creates an authenticator: the only place that turns frames into authenticated requests.
 *
 * @example
 * ```ts
 * const authenticator = createRequestAuthenticator({ ring: () => keyRing.current(), image: builtinImage() });
 * const { key, envelope } = authenticator.authenticate("/sealwire.v1.ToolService/Call", frame);
 * console.log(key.clientId, readEnvelope(envelope).tool);
 * ```
 */
export function createRequestAuthenticator(options: RequestAuthenticatorOptions): RequestAuthenticator {
  const { ring, image, clock = systemClock, canonicalRetriesPerSecond = CANONICAL_RETRIES_PER_SECOND } = options;
  const retries = new RetryBudget(clock, canonicalRetriesPerSecond);
  return {
    authenticate(method, frameBytes) {
      const frame = readFrame(frameBytes);
      const found = ring().find(frame.keyId);
      const key = found !== undefined && isUsable(found, clock.nowMs()) ? found : undefined;
      const requestKey = key === undefined ? DUMMY_KEY : key.requestKey;
      const request = { method, keyId: frame.keyId, envelope: frame.content };
      let holds = verifyRequest(requestKey, request, frame.signature);
      // Unknown keys are tried, too, while their common budget lasts, so that the response time of a few requests does
      // not reveal which keys exist.
      if (!holds && frameBytes.length <= MAX_CANONICAL_RETRY_BYTES && retries.take(key, frameBytes.length)) {
        const candidate = canonicalCandidate(frame.content, typeof image === "function" ? image() : image);
        if (candidate === undefined) retries.giveBack(key, frameBytes.length);
        const canonical = candidate && canonicalBytes(candidate);
        if (canonical !== undefined) {
          request.envelope = canonical;
          holds = verifyRequest(requestKey, request, frame.signature);
        }
      }
      if (key === undefined || !holds) {
        const claimed = { keyId: frame.keyId, clientId: found?.clientId };
        throw new UnprovenFrameError(claimed, found === undefined ? "unknown key" : key ? "mac" : unusable(found));
      }
      // Copies the signature. A stream keeps it, and must not keep the memory of the frame.
      return { key, signature: Buffer.from(frame.signature), envelope: assumeVerified(request.envelope) };
    },
  };
}

function unusable(key: VerificationKey): string {
  return key.state === "revoked" ? "key revoked" : "key not in force";
}

/** The expected values of an authenticated Envelope. */
export interface EnvelopeExpectation {
  /** The key that signed the request. */
  readonly key: Pick<VerificationKey, "clientId">;
  /** The id of this server. */
  readonly serverId: string;
  /** The server's time, Unix milliseconds. */
  readonly nowMs: number;
  /** Maximum age, usually {@link MAX_AGE_MS}. */
  readonly maxAgeMs: number;
  /** Maximum time ahead of the server's clock, usually {@link MAX_AHEAD_MS}. */
  readonly maxAheadMs: number;
}

/**
 * Checks that an authenticated Envelope is addressed to this server, belongs to the key's client and is fresh. Both
 * time limits are inclusive. Throws UNSUPPORTED_VERSION, CLIENT_MISMATCH, AUDIENCE_MISMATCH, or CLOCK_SKEW with the
 * cause "old" or "ahead".
 *
 * @example
 * ```ts
 * const { key, envelope } = authenticator.authenticate(method, frame);
 * const { serverId } = keyRing.current();
 * const expected = { key, serverId, nowMs: Date.now(), maxAgeMs: 300_000, maxAheadMs: 60_000 };
 * checkEnvelope(readEnvelope(envelope), expected);
 * ```
 */
export function checkEnvelope(envelope: Envelope, expected: EnvelopeExpectation): void {
  checkVersion(envelope.v);
  if (envelope.clientId !== expected.key.clientId) {
    throw new SealwireError("CLIENT_MISMATCH", "The envelope's client_id is not the client that owns the signing key.");
  }
  if (envelope.serverId !== expected.serverId) {
    throw new SealwireError(
      "AUDIENCE_MISMATCH",
      `The envelope is for the server ${quoteId(envelope.serverId)}; this server is "${expected.serverId}".`,
    );
  }
  const ageMs = Math.trunc(expected.nowMs) - Number(envelope.tsMs);
  if (ageMs > expected.maxAgeMs) throw skewed(ageMs, expected.maxAgeMs, "old");
  if (-ageMs > expected.maxAheadMs) throw skewed(-ageMs, expected.maxAheadMs, "ahead");
}

function skewed(distanceMs: number, mostMs: number, cause: "old" | "ahead"): SealwireError {
  const most = describeSpan(mostMs);
  const rounded = describeSpan(distanceMs);
  const distance = rounded === most ? `${distanceMs} ms` : rounded;
  const again = cause === "old" ? "; sign the request again with `sealwire sign`" : "";
  return new SealwireError(
    "CLOCK_SKEW",
    `The envelope's ts_ms is ${distance} ${cause} by the server's clock; at most ${most} are accepted${again}.`,
    { cause },
  );
}
