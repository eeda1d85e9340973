import type { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { SealwireError } from "../../errors.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { describeSpan } from "../../runtime/time-span.ts";
import { checkVersion } from "../../validation/envelope.ts";
import { assumeVerified, type VerifiedBytes } from "../../validation/verified-bytes.ts";
import type { Image } from "../../wire/descriptors.ts";
import { readFrame } from "../../wire/frame.ts";
import { isUsable, type KeyRing, type VerificationKey } from "../key-ring/types.ts";
import { macKey } from "../mac.ts";
import { canonicalBytes, canonicalCandidate } from "./canonical-envelope.ts";
import { RetryBudget } from "./retry-budget.ts";
import { verifyRequest } from "./signature.ts";

/** Largest frame that is worth a second try in canonical form, in bytes. */
export const MAX_CANONICAL_RETRY_BYTES = 64 * 1024;
/** Second tries per second and key, unless a server is told otherwise. */
export const CANONICAL_RETRIES_PER_SECOND = 50;
/** How old a request may be, unless a server is told otherwise. */
export const MAX_AGE_MS = 300_000;
/** How far ahead of the server's clock a request may be stamped, unless a server is told otherwise. */
export const MAX_AHEAD_MS = 60_000;

/** Stands in for a key that is not there, so that its absence does not show in the time taken. Never authenticates. */
const DUMMY_KEY = macKey(Buffer.alloc(32));

/** A request whose signature holds. Only {@link RequestAuthenticator} makes one. */
export interface AuthenticatedRequest {
  readonly key: VerificationKey;
  /** The request's signature, to which the answer is bound: 32 bytes of their own. */
  readonly signature: Uint8Array;
  /** The serialized Envelope as signed: the bytes received, or the canonical ones that take their place. */
  readonly envelope: VerifiedBytes;
}

/** Whose key a frame names that could not be authenticated. Nothing of it is proven: for the audit log alone. */
export interface ClaimedKey {
  /** At most 128 printable ASCII characters. */
  readonly keyId: string;
  /** The client that the ring has the key for; `undefined` if there is no such key. */
  readonly clientId: string | undefined;
}

/** The SIGNATURE_INVALID about a well-formed frame. */
export class UnprovenFrameError extends SealwireError {
  readonly claimed: ClaimedKey;

  /** `cause`: what exactly was wrong, a short string for the audit log alone. */
  constructor(claimed: ClaimedKey, cause: string) {
    super("SIGNATURE_INVALID", undefined, { cause });
    this.claimed = claimed;
  }
}

/** Finds out who signed a frame. */
export interface RequestAuthenticator {
  /**
   * Verifies a frame received on the gRPC path `method`. Throws SIGNATURE_INVALID, with the same text whatever was wrong;
   * the cause, a short string, is for the audit log alone. It is an {@link UnprovenFrameError} if the frame names a key.
   */
  authenticate(method: string, frameBytes: Uint8Array): AuthenticatedRequest;
}

/** Options of {@link createRequestAuthenticator}. */
export interface RequestAuthenticatorOptions {
  /** Gives the ring in force; asked for each frame. */
  readonly ring: () => KeyRing;
  /** The types that arguments may have. */
  readonly image: Image;
  /** Default: this machine's. */
  readonly clock?: Clock;
  /** Second tries in canonical form per second and key (docs/protocol.md, "Canonical bytes"), 0 to 1,000,000; 0 = none. Default 50. */
  readonly canonicalRetriesPerSecond?: number;
}

/**
 * Creates the one place where frames become authenticated requests.
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
      // Unknown keys take the same way, as long as their common budget lasts: who asks for one or a few learns nothing
      // from the time about which keys there are.
      if (!holds && frameBytes.length <= MAX_CANONICAL_RETRY_BYTES && retries.take(key, frameBytes.length)) {
        const candidate = canonicalCandidate(frame.content, image);
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
      // A copy of the signature: a stream keeps it, and must not keep the frame's memory with it.
      return { key, signature: Buffer.from(frame.signature), envelope: assumeVerified(request.envelope) };
    },
  };
}

function unusable(key: VerificationKey): string {
  return key.state === "revoked" ? "key revoked" : "key not in force";
}

/** What an authenticated Envelope must agree with. */
export interface EnvelopeExpectation {
  /** The key that signed it. */
  readonly key: Pick<VerificationKey, "clientId">;
  /** This server. */
  readonly serverId: string;
  /** Time by the server's clock, Unix milliseconds. */
  readonly nowMs: number;
  /** Usually {@link MAX_AGE_MS}. */
  readonly maxAgeMs: number;
  /** Usually {@link MAX_AHEAD_MS}. */
  readonly maxAheadMs: number;
}

/**
 * Checks that an authenticated Envelope is for this server, from the key's owner, and fresh; both bounds are inclusive.
 * Throws
 * UNSUPPORTED_VERSION, CLIENT_MISMATCH, AUDIENCE_MISMATCH or CLOCK_SKEW, whose cause is "old" or "ahead".
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
    throw new SealwireError(
      "CLIENT_MISMATCH",
      "The envelope's client_id is not the client to whom the signing key belongs.",
    );
  }
  if (envelope.serverId !== expected.serverId) {
    throw new SealwireError(
      "AUDIENCE_MISMATCH",
      `The envelope is not for this server, which is "${expected.serverId}".`,
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
  const again = cause === "old" ? "; a request that was signed earlier is signed anew by `sealwire sign`" : "";
  return new SealwireError(
    "CLOCK_SKEW",
    `The envelope's ts_ms is ${distance} ${cause} by the server's clock; at most ${most} are accepted${again}.`,
    { cause },
  );
}
