import { fromBinary } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import { SealwireError } from "../../src/errors.ts";
import { checkEnvelopeFields, parseUnverifiedEnvelope, readEnvelope } from "../../src/validation/envelope.ts";
import { checkStrict, StrictError } from "../../src/validation/strict.ts";
import { assumeVerified } from "../../src/validation/verified-bytes.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { WireFormatError } from "../../src/wire/wire-cursor.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("validation/envelope");
const DESC = messageDesc(builtinImage(), "sealwire.v1.Envelope");
const validator = createValidator({ registry: builtinImage().registry });

const GOOD: Envelope = {
  v: "mcp/0.1",
  requestId: "r-1",
  tsMs: 1_700_000_000_000n,
  clientId: "client",
  serverId: "server",
  tool: "batch_sum",
  args: { typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumRequest", value: Buffer.from("0a0101", "hex") },
  nonce: Buffer.alloc(16, 1),
  definitionDigest: "",
};

function encode(change: Partial<Envelope>): Uint8Array {
  return Envelope.encode({ ...GOOD, ...change }).finish();
}

function failure(bytes: Uint8Array): SealwireError | undefined {
  try {
    readEnvelope(assumeVerified(bytes));
    return undefined;
  } catch (error) {
    assert.instance(error, SealwireError);
    return error as SealwireError;
  }
}

function refusal(bytes: Uint8Array): string {
  const error = failure(bytes);
  return error === undefined ? "none" : `${error.reason}: ${error.message}`;
}

test("an envelope is read as the generated decoder reads it", () => {
  const bytes = encode({});
  const { _unknownFields, ...decoded } = Envelope.decode(bytes);
  const { _unknownFields: ofArgs, ...args } = decoded.args as NonNullable<Envelope["args"]>;
  const read = readEnvelope(assumeVerified(bytes));
  assert.equal(
    { ...read, nonce: [...read.nonce], args: { ...read.args, value: [...(read.args?.value ?? [])] } },
    { ...decoded, nonce: [...decoded.nonce], args: { ...args, value: [...args.value] } },
  );
});

test("each field's rule is enforced and named", () => {
  const cases: readonly [Partial<Envelope>, RegExp][] = [
    [{ v: "mcp/0.2" }, /^UNSUPPORTED_VERSION: .*"mcp\/0\.1"/],
    [{ v: "" }, /^UNSUPPORTED_VERSION/],
    [{ requestId: "" }, /^ENVELOPE_INVALID: .*request_id/],
    [{ requestId: "a b" }, /^ENVELOPE_INVALID: .*request_id/],
    [{ requestId: "x".repeat(129) }, /^ENVELOPE_INVALID: .*request_id/],
    [{ requestId: "é" }, /^ENVELOPE_INVALID: .*request_id/],
    [{ tsMs: 0n }, /^ENVELOPE_INVALID: .*ts_ms/],
    [{ tsMs: -1n }, /^ENVELOPE_INVALID: .*ts_ms/],
    [{ clientId: "" }, /^ENVELOPE_INVALID: .*client_id/],
    [{ serverId: "a\n" }, /^ENVELOPE_INVALID: .*server_id/],
    [{ tool: "" }, /^ENVELOPE_INVALID: .*tool/],
    [{ tool: "Batch" }, /^ENVELOPE_INVALID: .*tool/],
    [{ tool: "a".repeat(129) }, /^ENVELOPE_INVALID: .*tool/],
    [{ args: undefined }, /^ENVELOPE_INVALID: .*args/],
    [{ nonce: Buffer.alloc(15) }, /^ENVELOPE_INVALID: .*nonce/],
    [{ nonce: Buffer.alloc(65) }, /^ENVELOPE_INVALID: .*nonce/],
    [{ definitionDigest: "0".repeat(63) }, /^ENVELOPE_INVALID: .*definition_digest/],
    [{ definitionDigest: "A".repeat(64) }, /^ENVELOPE_INVALID: .*definition_digest/],
  ];
  for (const [change, expected] of cases) assert.match(refusal(encode(change)), expected);
  for (const change of [{ requestId: "x".repeat(128) }, { nonce: Buffer.alloc(64) }, { tool: "a".repeat(128) }]) {
    assert.is(refusal(encode(change)), "none");
  }
});

test("a malformed envelope is refused whatever is wrong with it", () => {
  const good = encode({});
  const bad = (digits: string) => refusal(Buffer.concat([good, Buffer.from(digits, "hex")]));
  assert.match(bad("5001"), /ENVELOPE_INVALID: .*unknown field number 10/);
  assert.match(bad("4801"), /wrong wire type in field number 9/);
  assert.match(bad("1801"), /field number 3 given twice/);
  assert.match(bad("3a00"), /field number 7 given twice/);
  assert.match(bad("00"), /field number 0/);
  assert.match(bad("43"), /group/);
  assert.match(bad("ff"), /truncated/);
  const raw = (digits: string) => refusal(Buffer.from(digits, "hex"));
  assert.match(raw("1a0101"), /wrong wire type in field number 3/);
  assert.match(raw("1001"), /wrong wire type in field number 2/);
  assert.match(raw("1201ff"), /not UTF-8/);
  assert.match(raw("3a021801"), /unknown field number 3 in args/);
  assert.match(raw("3a0412001200"), /field number 2 of args given twice/);
  assert.match(raw("3a020801"), /wrong wire type in field number 1 of args/);
  assert.match(raw("3a0512020000"), /truncated/);
});

test("another version is named as such even if it has other fields", () => {
  assert.match(refusal(Buffer.concat([encode({ v: "mcp/0.2" }), Buffer.from("4801", "hex")])), /^UNSUPPORTED_VERSION/);
  assert.match(refusal(Buffer.concat([Buffer.from("4801", "hex"), encode({ v: "mcp/0.2" })])), /^ENVELOPE_INVALID/);
});

test("an unverified envelope is parsed with shortest varints only, its rules unchecked", () => {
  assert.is(parseUnverifiedEnvelope(encode({ requestId: "", nonce: Buffer.alloc(0) })).tool, "batch_sum");
  const padded = Buffer.concat([encode({ tsMs: 0n }), Buffer.from("188100", "hex")]);
  assert.is(refusal(padded), "none");
  assert.throws(
    () => parseUnverifiedEnvelope(padded),
    (error: unknown) => error instanceof WireFormatError,
  );
});

const character = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) },
  { weight: 1, arbitrary: fc.constantFrom(" ", "\x7f", "\n", "é", "\u{1f600}", "\0") },
);
const identifier = fc.oneof(
  fc.string({ unit: character, maxLength: 5 }),
  fc.constantFrom("x".repeat(127), "x".repeat(128), "x".repeat(129), "a\n"),
);

/** Any value of one field, valid or not. */
const fields: { readonly [K in keyof typeof GOOD]-?: fc.Arbitrary<Envelope[K]> } = {
  v: fc.constantFrom("mcp/0.1", "", "mcp/0.2", "MCP/0.1"),
  requestId: identifier,
  tsMs: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(0n, 1n, -1n)),
  clientId: identifier,
  serverId: identifier,
  tool: fc.oneof(
    fc.constantFrom("batch_sum", "a", "a".repeat(128), "a".repeat(129), "A", "_a", "1a", "a-b", "", "a\n"),
    fc.string({ unit: fc.constantFrom(..."abz_09"), maxLength: 6 }),
  ),
  args: fc.option(fc.record({ typeUrl: fc.string({ unit: character }), value: fc.uint8Array({ maxLength: 20 }) }), {
    nil: undefined,
  }),
  nonce: fc.constantFrom(0, 15, 16, 17, 32, 63, 64, 65).map((length) => Buffer.alloc(length, 7)),
  definitionDigest: fc.constantFrom(
    "",
    "a".repeat(64),
    "0".repeat(64),
    "a".repeat(63),
    "a".repeat(65),
    "A".repeat(64),
    "g",
    "\n",
  ),
  _unknownFields: fc.constant(undefined),
};

/** Up to three fields of a valid envelope changed. */
const envelopes: fc.Arbitrary<Envelope> = fc
  .uniqueArray(fc.constantFrom(...(Object.keys(GOOD) as (keyof Envelope)[])), { maxLength: 3 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, fields[name]]))))
  .map((change) => ({ ...GOOD, ...change }));

test("the reader agrees with protovalidate on which envelopes are valid, and on the field at fault", () => {
  let accepted = 0;
  fc.assert(
    fc.property(envelopes, (envelope) => {
      const bytes = Envelope.encode(envelope).finish();
      const verdict = validator.validate(DESC, fromBinary(DESC, bytes));
      const error = failure(bytes);
      assert.is(error === undefined, verdict.kind === "valid", `${verdict.error} / ${error}`);
      if (error === undefined) accepted += 1;
      const named = verdict.violations?.map((violation) => (violation.field[0] as { name: string }).name) ?? [];
      if (error?.reason === "UNSUPPORTED_VERSION") assert.ok(named.includes("v"));
      else if (error) assert.match(error.message, `envelope's ${named[0]} `);
    }),
    { numRuns: 4000 },
  );
  assert.ok(accepted > 400, `only ${accepted} valid ones were tried`);
});

/** What a parser says is wrong, "none" if nothing is. */
function problem(parse: () => unknown): string {
  try {
    parse();
    return "none";
  } catch (error) {
    assert.ok(error instanceof StrictError || error instanceof WireFormatError, String(error));
    return (error as Error).message;
  }
}

test("the one-pass parse refuses what the general strict parse refuses, and padded varints", () => {
  const agree = (bytes: Uint8Array) => {
    const general = problem(() => checkStrict(bytes, DESC));
    const onePass = problem(() => parseUnverifiedEnvelope(bytes));
    if (onePass === "varint not in its shortest form") return;
    assert.is(onePass === "none", general === "none", `${onePass} / ${general}`);
  };
  const good = encode({});
  fc.assert(
    fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const mutated = Buffer.from(good);
      mutated[at] = byte;
      agree(mutated);
    }),
    { numRuns: 3000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), agree), { numRuns: 1000 });
});

test("fields to be signed are held to the same rules", () => {
  checkEnvelopeFields(GOOD);
  assert.throws(
    () => checkEnvelopeFields({ ...GOOD, tool: "" }),
    (error: unknown) => error instanceof SealwireError && error.reason === "ENVELOPE_INVALID",
  );
});

test.run();
