import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { SealwireError } from "../../../src/errors.ts";
import { canonicalize } from "../../../src/signing/canonical.ts";
import type { KeyRing } from "../../../src/signing/key-ring/types.ts";
import { macKey } from "../../../src/signing/mac.ts";
import { type RequestToSign, type SignedRequestFrame, signRequest } from "../../../src/signing/request/sign.ts";
import {
  type AuthenticatedRequest,
  checkEnvelope,
  createRequestAuthenticator,
  MAX_AGE_MS,
  MAX_AHEAD_MS,
  MAX_CANONICAL_RETRY_BYTES,
} from "../../../src/signing/request/verify.ts";
import { readEnvelope } from "../../../src/validation/envelope.ts";
import { readFrame, writeFrame } from "../../../src/wire/frame.ts";
import { CALL_METHOD, WATCH_JOB_METHOD } from "../../../src/wire/limits.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";
import { hex, sampleDesc, sampleImage } from "../../validation/sample-image.ts";
import { SAMPLE_SERVER, sampleKey, sampleRing } from "../sample-ring.ts";

const test = suite("signing/request/verify");

const NOW_MS = 1_700_000_000_000;
const KEY = sampleKey();
const SAMPLE = sampleDesc("Sample");
/** A bool, a negative int32, a map and a Struct, in canonical form. */
const ARGS = canonicalize(
  toBinary(
    SAMPLE,
    create(SAMPLE, {
      flag: true,
      number: -7,
      byText: { b: "2", a: "1", "\u{1f600}": "3" },
      payload: { list: [1, -0, null, true], nested: { "": "x" } },
    }),
  ),
  SAMPLE,
);

function sign(
  change: Partial<RequestToSign> = {},
  value: Uint8Array = ARGS,
  type = "sealwire.test.v1.Sample",
): SignedRequestFrame {
  return signRequest({
    method: CALL_METHOD,
    clientId: KEY.clientId,
    keyId: KEY.keyId,
    requestKey: KEY.requestKey,
    serverId: SAMPLE_SERVER,
    requestId: "r-1",
    tool: "sample",
    args: { typeUrl: `type.googleapis.com/${type}`, value },
    tsMs: NOW_MS,
    nonce: Buffer.alloc(16, 1),
    ...change,
  });
}

function authenticator(
  ring: KeyRing = sampleRing(KEY),
  canonicalRetriesPerSecond = 1e9,
  clock = new FakeClock(NOW_MS),
) {
  return createRequestAuthenticator({ ring: () => ring, image: sampleImage, clock, canonicalRetriesPerSecond });
}

function authenticate(frame: Uint8Array, by = authenticator()): AuthenticatedRequest {
  return by.authenticate(CALL_METHOD, frame);
}

const FIXED_TEXT = new SealwireError("SIGNATURE_INVALID").message;

/** The cause of a refusal, after checking that nothing but the cause tells refusals apart. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, SealwireError);
    const { reason, status, message, violations, retryDelayMs, retryable, cause } = error as SealwireError;
    assert.equal(
      { reason, status, message, violations, retryDelayMs, retryable },
      {
        reason: "SIGNATURE_INVALID",
        status: "UNAUTHENTICATED",
        message: FIXED_TEXT,
        violations: [],
        retryDelayMs: undefined,
        retryable: false,
      },
    );
    assert.type(cause, "string");
    return cause as string;
  }
  throw new Error("the frame was accepted");
}

test("a sealed request is authenticated with its key, signature and bytes", () => {
  const signed = sign();
  const request = authenticate(signed.frame);
  assert.is(request.key, KEY);
  assert.ok(signed.signature.equals(request.signature));
  assert.ok(Buffer.from(signed.envelope).equals(request.envelope));
  assert.is(readEnvelope(request.envelope).requestId, "r-1");
});

test("the signature kept for the answer does not keep the frame's memory", () => {
  const { frame } = sign();
  const request = authenticate(frame);
  const before = Buffer.from(request.signature);
  frame.fill(0);
  assert.ok(before.equals(request.signature));
});

test("another method, key or key id is refused", () => {
  const { frame } = sign();
  assert.is(
    refusal(() => authenticator().authenticate(WATCH_JOB_METHOD, frame)),
    "mac",
  );
  const other = sampleKey({ keyId: "key-2" });
  assert.is(
    refusal(() => authenticate(sign({ requestKey: other.requestKey }).frame)),
    "mac",
  );
  const renamed = writeFrame({ ...readFrame(frame), keyId: "key-2" });
  assert.is(
    refusal(() => authenticate(renamed, authenticator(sampleRing(KEY, other)))),
    "mac",
  );
});

test("a key that is unknown, revoked or not in force is refused in the same words", () => {
  const { frame } = sign();
  const cause = (ring: KeyRing) => refusal(() => authenticate(frame, authenticator(ring)));
  assert.is(cause(sampleRing()), "unknown key");
  assert.is(cause(sampleRing(sampleKey({ state: "revoked" }))), "key revoked");
  assert.is(cause(sampleRing(sampleKey({ notBeforeMs: NOW_MS + 1 }))), "key not in force");
  assert.is(cause(sampleRing(sampleKey({ notAfterMs: NOW_MS }))), "key not in force");
  const usable = sampleKey({ state: "retiring", notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 1 });
  assert.is(authenticate(frame, authenticator(sampleRing(usable))).key, usable);
});

test("a signature made with the dummy key authenticates nobody", () => {
  const { frame } = sign({ requestKey: macKey(Buffer.alloc(32)), keyId: "none" });
  assert.is(
    refusal(() => authenticate(frame)),
    "unknown key",
  );
  const revoked = sampleKey({ state: "revoked", keyId: "none" });
  assert.is(
    refusal(() => authenticate(frame, authenticator(sampleRing(revoked)))),
    "key revoked",
  );
});

test("the ring is asked anew for each frame", () => {
  let ring = sampleRing(KEY);
  const clock = new FakeClock(NOW_MS);
  const both = createRequestAuthenticator({
    ring: () => ring,
    image: sampleImage,
    clock,
    canonicalRetriesPerSecond: 0,
  });
  const { frame } = sign();
  both.authenticate(CALL_METHOD, frame);
  ring = sampleRing();
  assert.is(
    refusal(() => both.authenticate(CALL_METHOD, frame)),
    "unknown key",
  );
});

test("every single flipped bit of a frame is refused in the same words", () => {
  const { frame } = sign();
  const by = authenticator();
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const flipped = Buffer.from(frame);
    flipped.writeUInt8((flipped[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
    refusal(() => authenticate(flipped, by));
  }
});

test("any flipped bit of any request is refused", () => {
  const text = fc.string({ unit: "grapheme" });
  const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), text, fc.constant(null));
  const samples = fc.record({
    flag: fc.boolean(),
    number: fc.integer(),
    byText: fc.dictionary(text, text, { maxKeys: 5 }),
    payload: fc.dictionary(text, value, { maxKeys: 5 }),
    numbers: fc.array(fc.integer(), { maxLength: 3 }),
  });
  const by = authenticator();
  fc.assert(
    fc.property(samples, fc.nat(), (sample, where) => {
      const { frame } = sign({}, canonicalize(toBinary(SAMPLE, create(SAMPLE, sample)), SAMPLE));
      const bit = where % (frame.length * 8);
      authenticate(frame, by);
      frame.writeUInt8((frame[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
      refusal(() => authenticate(frame, by));
    }),
    { numRuns: 500 },
  );
});

test("random and mutated frames are refused and never crash", () => {
  const by = authenticator();
  const { frame } = sign();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void refusal(() => authenticate(bytes, by))),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: frame.length - 1 }), fc.nat({ max: 255 })), { minLength: 1 }),
      (changes) => {
        const mutated = Buffer.from(frame);
        for (const [at, byte] of changes) mutated[at] = byte;
        if (!mutated.equals(frame)) refusal(() => authenticate(mutated, by));
      },
    ),
    { numRuns: 1000 },
  );
});

/** A frame as a relay would send it: same fields and signature, args in another order, envelope's fields backwards. */
function relayed(signed: SignedRequestFrame, args: Uint8Array): Buffer {
  const envelope = Envelope.decode(signed.envelope);
  const { v, requestId, tsMs, clientId, serverId, tool, nonce } = envelope;
  const blank: Envelope = {
    v: "",
    requestId: "",
    tsMs: 0n,
    clientId: "",
    serverId: "",
    tool: "",
    args: undefined,
    nonce: Buffer.alloc(0),
    definitionDigest: "",
  };
  const typeUrl = envelope.args?.typeUrl ?? "";
  const parts: Partial<Envelope>[] = [
    { nonce },
    { args: { typeUrl, value: args } },
    { tool },
    { serverId },
    { clientId },
    { tsMs },
    { requestId },
    { v },
  ];
  const content = Buffer.concat(parts.map((part) => Envelope.encode({ ...blank, ...part }).finish()));
  return writeFrame({ content, keyId: KEY.keyId, signature: signed.signature });
}

const MAP = hex("f201050a01611200 f201050a01621200");
const MAP_BACKWARDS = hex("f201030a0162 f201030a0161");

test("a relay's other order is put right, and the canonical bytes take the place of the received ones", () => {
  const signed = sign({}, MAP);
  const request = authenticate(relayed(signed, MAP_BACKWARDS));
  assert.ok(Buffer.from(signed.envelope).equals(request.envelope));
  assert.ok(MAP.equals(readEnvelope(request.envelope).args?.value ?? Buffer.alloc(0)));
});

test("a request signed in another than the canonical order is not helped", () => {
  assert.is(
    refusal(() => authenticate(relayed(sign({}, MAP_BACKWARDS), MAP))),
    "mac",
  );
});

test("a second try helps neither an unknown key nor a nested Any nor ambiguous bytes", () => {
  const by = authenticator(sampleRing());
  assert.is(
    refusal(() => authenticate(relayed(sign({}, MAP), MAP_BACKWARDS), by)),
    "unknown key",
  );
  const any = hex("b20100");
  assert.is(
    refusal(() => authenticate(relayed(sign({}, Buffer.concat([any, MAP])), Buffer.concat([any, MAP_BACKWARDS])))),
    "mac",
  );
  assert.is(
    refusal(() => authenticate(relayed(sign({}, hex("0801")), hex("0802")))),
    "mac",
  );
});

test("second tries are limited per second, and 0 switches them off", () => {
  const clock = new FakeClock(NOW_MS);
  const by = authenticator(sampleRing(KEY), 2, clock);
  const frame = relayed(sign({}, MAP), MAP_BACKWARDS);
  authenticate(frame, by);
  authenticate(frame, by);
  assert.is(
    refusal(() => authenticate(frame, by)),
    "mac",
  );
  clock.advance(500);
  authenticate(frame, by);
  assert.is(
    refusal(() => authenticate(frame, authenticator(sampleRing(KEY), 0))),
    "mac",
  );
});

test("nobody's junk uses up the second tries of an honest relay", () => {
  const by = authenticator(sampleRing(KEY), 50, new FakeClock(NOW_MS));
  const junk = (keyId: string) => writeFrame({ content: Buffer.alloc(3, 255), keyId, signature: Buffer.alloc(32) });
  const untyped = writeFrame({ content: hex("0a0131"), keyId: KEY.keyId, signature: Buffer.alloc(32) });
  const forged = { ...readFrame(sign({}, MAP).frame), keyId: "unknown" };
  for (let i = 0; i < 224; i += 1) {
    for (const frame of [junk(KEY.keyId), junk("unknown"), untyped, writeFrame(forged)]) {
      refusal(() => authenticate(frame, by));
    }
  }
  authenticate(relayed(sign({}, MAP), MAP_BACKWARDS), by);
});

test("a frame above 64 KiB gets no second try", () => {
  const frameOf = (padding: number) => {
    const data = Buffer.concat([hex("22"), varint(padding), Buffer.alloc(padding, 1)]);
    return relayed(sign({}, Buffer.concat([data, MAP])), Buffer.concat([MAP_BACKWARDS, data]));
  };
  const room = MAX_CANONICAL_RETRY_BYTES - frameOf(60_000).length + 60_000;
  assert.is(frameOf(room).length, MAX_CANONICAL_RETRY_BYTES);
  authenticate(frameOf(room));
  assert.is(
    refusal(() => authenticate(frameOf(room + 1))),
    "mac",
  );
});

function varint(value: number): Buffer {
  return Buffer.from([(value & 0x7f) | 0x80, ((value >>> 7) & 0x7f) | 0x80, value >>> 14]);
}

const EXPECTED = { key: KEY, serverId: SAMPLE_SERVER, nowMs: NOW_MS, maxAgeMs: MAX_AGE_MS, maxAheadMs: MAX_AHEAD_MS };

function check(change: Partial<Envelope>): string {
  const envelope = { ...readEnvelope(authenticate(sign().frame).envelope), ...change };
  try {
    checkEnvelope(envelope, EXPECTED);
    return "none";
  } catch (error) {
    assert.instance(error, SealwireError);
    const { reason, cause } = error as SealwireError;
    return cause === undefined ? reason : `${reason} ${cause}`;
  }
}

test("an authenticated envelope must be of this version, from the key's client, and for this server", () => {
  assert.is(check({}), "none");
  assert.is(check({ v: "mcp/0.2" }), "UNSUPPORTED_VERSION");
  assert.is(check({ clientId: "client-2" }), "CLIENT_MISMATCH");
  assert.is(check({ serverId: "server-2" }), "AUDIENCE_MISMATCH");
});

test("the refusal of an envelope for another server names both servers", () => {
  const envelope = readEnvelope(authenticate(sign().frame).envelope);
  const messageFor = (serverId: string): string => {
    try {
      checkEnvelope({ ...envelope, serverId }, EXPECTED);
    } catch (error) {
      return (error as SealwireError).message;
    }
    return "none";
  };
  const own = `this server is "${SAMPLE_SERVER}".`;
  assert.is(messageFor("server-2"), `The envelope is for the server "server-2"; ${own}`);
  assert.is(messageFor('a"b\nc'), `The envelope is for the server "a\\"b\\nc"; ${own}`);
  assert.is(messageFor("s".repeat(1000)), `The envelope is for the server "${"s".repeat(127)}…"; ${own}`);
});

test("an envelope may be 300 s old and 60 s ahead, bounds included", () => {
  const now = BigInt(NOW_MS);
  assert.is(check({ tsMs: now - 300_000n }), "none");
  assert.is(check({ tsMs: now - 300_001n }), "CLOCK_SKEW old");
  assert.is(check({ tsMs: now + 60_000n }), "none");
  assert.is(check({ tsMs: now + 60_001n }), "CLOCK_SKEW ahead");
  assert.is(check({ tsMs: 2n ** 63n - 1n }), "CLOCK_SKEW ahead");
  assert.is(check({ tsMs: -(2n ** 63n) }), "CLOCK_SKEW old");
});

test("how far a clock is off is told in days where it is days, and never as the bound itself", () => {
  const message = (offMs: number): string => {
    try {
      checkEnvelope({ ...readEnvelope(authenticate(sign().frame).envelope), tsMs: BigInt(NOW_MS + offMs) }, EXPECTED);
      return "";
    } catch (error) {
      return (error as SealwireError).message;
    }
  };
  assert.match(
    message(-2 * 86_400_000),
    /is 2 days old by the server's clock; at most 5 min are accepted; .*sealwire sign/,
  );
  assert.match(message(2 * 86_400_000), /is 2 days ahead by the server's clock; at most 60 s are accepted\.$/);
  assert.match(message(-300_001), "is 300001 ms old");
});

test.run();
