import { MAX_AGE_MS, MAX_AHEAD_MS } from "../../src/signing/request/verify.ts";
import { WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { hex } from "../validation/sample-image.ts";
import { entry, payload, type RequestCase, type RequestSpec, relay, requestCase } from "./request-case.ts";
import { fixedBytes, NOW_MS, SERVER_ID, type VectorKey, vectorKey } from "./vector-file.ts";

/** One request in a sequence, as in `requests.json`. */
export interface Step extends Omit<RequestCase, "id" | "flag"> {
  /** The verifier's clock, Unix milliseconds. */
  readonly nowMs: string;
  /** The verifier's ring in this step. */
  readonly keys: readonly VectorKey[];
}

/** Requests that one verifier, which starts empty, receives one after the other. */
export interface SequenceCase {
  readonly id: number;
  readonly comment: string;
  readonly flag: string;
  readonly steps: readonly Step[];
}

/** The file `sequences.json`. */
export interface SequenceVectors {
  readonly kind: "sequences";
  readonly protocol: string;
  readonly serverId: string;
  readonly maxAgeMs: string;
  readonly maxAheadMs: string;
  readonly cases: readonly SequenceCase[];
}

interface StepSpec extends Omit<RequestSpec, "flag" | "comment"> {
  readonly comment: string;
  /** The clock, relative to {@link NOW_MS}. */
  readonly at?: number;
  readonly keys?: readonly VectorKey[];
}

interface Spec {
  readonly comment: string;
  readonly flag: string;
  readonly steps: readonly StepSpec[];
}

const KEYS = [vectorKey("key-1"), vectorKey("key-2"), vectorKey("key-3", { clientId: "client-2" })];

function stepOf({ at = 0, keys = KEYS, ...spec }: StepSpec): Step {
  const { id: _id, flag: _flag, ...rest } = requestCase({ ...spec, flag: "" }, keys, 0);
  return { nowMs: String(NOW_MS + at), keys, ...rest };
}

/** `sequences.json`, made anew. */
export function sequenceVectors(): SequenceVectors {
  return {
    kind: "sequences",
    protocol: "mcp/0.1",
    serverId: SERVER_ID,
    maxAgeMs: String(MAX_AGE_MS),
    maxAheadMs: String(MAX_AHEAD_MS),
    cases: [...REPLAYS, ...ROTATIONS].map(({ comment, flag, steps }, index) => ({
      id: index + 1,
      comment,
      flag,
      steps: steps.map(stepOf),
    })),
  };
}

const stamped = (offsetMs: number) => ({ tsMs: BigInt(NOW_MS + offsetMs) });
const first = { comment: "the request", result: "valid" } as const;
const again = { comment: "the same bytes again", result: "REPLAYED" } as const;
const other = { nonce: fixedBytes("another nonce", 16) };
const MAP = [entry("a", "2001"), entry("b", "2000")];
const IN_ORDER = payload(...MAP);
const OUT_OF_ORDER = payload(...MAP.toReversed());

const REPLAYS: readonly Spec[] = [
  { comment: "at once", flag: "Replay", steps: [first, again, { ...again, comment: "and again" }] },
  {
    comment: "until the request is too old",
    flag: "Replay",
    steps: [
      first,
      { ...again, at: MAX_AGE_MS },
      { ...again, at: MAX_AGE_MS + 1, result: "CLOCK_SKEW" },
      { ...again, comment: "the clock set back", at: MAX_AGE_MS },
    ],
  },
  {
    comment: "a retry of the same intent has a nonce of its own",
    flag: "Replay",
    steps: [first, { comment: "the same request id, another nonce", result: "valid", fields: other }],
  },
  {
    comment: "a nonce used for another request",
    flag: "Replay",
    steps: [
      first,
      { comment: "another request id", result: "REPLAYED", fields: { requestId: "r-2" } },
      { comment: "stamped later", result: "REPLAYED", fields: stamped(1) },
      { comment: "for the other method", result: "REPLAYED", method: WATCH_JOB_METHOD },
      { comment: "signed with the client's other key", result: "REPLAYED", keyId: "key-2" },
    ],
  },
  {
    comment: "clients' nonces are apart",
    flag: "Replay",
    steps: [
      first,
      { comment: "another client's", result: "valid", keyId: "key-3", fields: { clientId: "client-2" } },
      { ...again, keyId: "key-3", fields: { clientId: "client-2" } },
    ],
  },
  {
    comment: "a nonce counts with its length",
    flag: "Replay",
    steps: [
      first,
      {
        comment: "one byte longer",
        result: "valid",
        fields: { nonce: Buffer.concat([fixedBytes("nonce", 16), hex("00")]) },
      },
    ],
  },
  {
    comment: "a request that is refused for its signature spends no nonce",
    flag: "Replay",
    steps: [
      { comment: "signed with another key", result: "SIGNATURE_INVALID", key: "key-2" },
      { ...first, comment: "rightly signed" },
    ],
  },
  {
    comment: "a request that is refused for its age or audience spends no nonce",
    flag: "Replay",
    steps: [
      { comment: "too old", result: "CLOCK_SKEW", fields: stamped(-MAX_AGE_MS - 1) },
      { comment: "for another server", result: "AUDIENCE_MISMATCH", fields: { serverId: "server-2" } },
      first,
    ],
  },
  {
    comment: "a request that is stamped too far ahead spends its nonce",
    flag: "Replay",
    steps: [
      { comment: "a millisecond too far ahead", result: "CLOCK_SKEW", fields: stamped(MAX_AHEAD_MS + 1) },
      { ...again, comment: "when its time has come", at: 1, fields: stamped(MAX_AHEAD_MS + 1) },
      { comment: "stamped now, with the same nonce", at: 1, result: "REPLAYED", fields: stamped(1) },
    ],
  },
  {
    comment: "a request from the future stays spent as long as it could be used",
    flag: "Replay",
    steps: [
      { ...first, fields: stamped(MAX_AHEAD_MS) },
      { ...again, at: MAX_AHEAD_MS + MAX_AGE_MS, fields: stamped(MAX_AHEAD_MS) },
    ],
  },
  {
    comment: "a relay's form of a request and the signed one are the same request",
    flag: "Replay",
    steps: [
      { comment: "its map in another order", result: "valid", ...relay(IN_ORDER, OUT_OF_ORDER) },
      { comment: "as signed", result: "REPLAYED", ...relay(IN_ORDER, IN_ORDER) },
    ],
  },
];

const retiring = vectorKey("key-1", { state: "retiring" });
const revoked = vectorKey("key-1", { state: "revoked" });
const next = vectorKey("key-2");
const nonce = (name: string) => ({ nonce: fixedBytes(name, 16) });
const old = (name: string) => ({ keyId: "key-1", fields: nonce(name) });
const fresh = (name: string) => ({ keyId: "key-2", fields: nonce(name) });

const ROTATIONS: readonly Spec[] = [
  {
    comment: "old and new key overlap until the old one is revoked",
    flag: "Rotation",
    steps: [
      { comment: "the old key alone", result: "valid", keys: [vectorKey("key-1")], ...old("1") },
      {
        comment: "the new key before it is there",
        result: "SIGNATURE_INVALID",
        keys: [vectorKey("key-1")],
        key: next.requestKey,
        ...fresh("2"),
      },
      { comment: "the new key", result: "valid", keys: [retiring, next], ...fresh("2") },
      { comment: "the old key while it retires", result: "valid", keys: [retiring, next], ...old("3") },
      { comment: "the old key revoked", result: "SIGNATURE_INVALID", keys: [revoked, next], ...old("4") },
      { comment: "the new key still", result: "valid", keys: [revoked, next], ...fresh("4") },
      { comment: "the old key gone", result: "SIGNATURE_INVALID", keys: [next], key: revoked.requestKey, ...old("5") },
    ],
  },
  {
    comment: "a nonce stays spent across a rotation",
    flag: "Rotation",
    steps: [
      { comment: "with the old key", result: "valid", keys: [retiring, next], ...old("1") },
      { comment: "with the new key", result: "REPLAYED", keys: [retiring, next], ...fresh("1") },
      { comment: "with the new key, the old one gone", result: "REPLAYED", keys: [next], ...fresh("1") },
    ],
  },
  {
    comment: "a key that begins as another ends",
    flag: "Rotation",
    steps: handover(),
  },
  {
    comment: "an old request under a key that was revoked since",
    flag: "Rotation",
    steps: [
      { comment: "while the key is active", result: "valid", keys: [vectorKey("key-1")], ...old("1") },
      { comment: "the same bytes, the key revoked", result: "SIGNATURE_INVALID", keys: [revoked], ...old("1") },
    ],
  },
];

/** At 10 s one key ends and another begins. */
function handover(): readonly StepSpec[] {
  const changeMs = 10_000;
  const keys = [
    vectorKey("key-1", { notAfterMs: String(NOW_MS + changeMs) }),
    vectorKey("key-2", { notBeforeMs: String(NOW_MS + changeMs) }),
  ];
  return [
    { comment: "the first just before", result: "valid", at: changeMs - 1, keys, ...old("1") },
    { comment: "the second just before", result: "SIGNATURE_INVALID", at: changeMs - 1, keys, ...fresh("2") },
    { comment: "the first at that moment", result: "SIGNATURE_INVALID", at: changeMs, keys, ...old("3") },
    { comment: "the second at that moment", result: "valid", at: changeMs, keys, ...fresh("2") },
  ];
}
