import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRegistry, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import {
  builtinDescriptorSet,
  builtinImage,
  canonicalize,
  checkEnvelope,
  createRequestAuthenticator,
  deriveRequestKey,
  deriveResponseKey,
  fingerprint,
  intentDigest,
  mac,
  macKey,
  messageDesc,
  pae,
  parseRequestKey,
  parseResponseKey,
  readEnvelope,
  readImage,
  requestSigningInput,
  responseSigningInput,
  SealwireError,
  StrictError,
  verifyResponseFrame,
} from "../../src/exports/signing.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";
import { hex } from "../validation/sample-image.ts";
import type { ArgumentVectors } from "./argument-cases.ts";
import type { CanonicalCase, CanonicalVectors } from "./canonical-cases.ts";
import type { DefinitionVectors } from "./definition-cases.ts";
import { vectorTexts } from "./generate.ts";
import { type JsonSchema, schemaProblems } from "./json-schema.ts";
import type { KeyVectors } from "./key-cases.ts";
import type { RequestCase } from "./request-case.ts";
import type { RequestVectors } from "./request-cases.ts";
import type { ResponseCase, ResponseVectors } from "./response-cases.ts";
import type { SequenceVectors } from "./sequence-cases.ts";
import type { SizeVectors } from "./size-cases.ts";
import { published, ringOf, toHex } from "./vector-file.ts";

const test = suite("vectors");

function readText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}

const schema = JSON.parse(readText("schema.json")) as JsonSchema;
const keys = JSON.parse(readText("keys.json")) as KeyVectors;
const requests = JSON.parse(readText("requests.json")) as RequestVectors;
const responses = JSON.parse(readText("responses.json")) as ResponseVectors;
const canonical = JSON.parse(readText("canonical.json")) as CanonicalVectors;
const sizes = JSON.parse(readText("sizes.json")) as SizeVectors;
const args = JSON.parse(readText("arguments.json")) as ArgumentVectors;
const sequences = JSON.parse(readText("sequences.json")) as SequenceVectors;
const definitions = JSON.parse(readText("definitions.json")) as DefinitionVectors;
const types = createRegistry(builtinImage().registry);

test("the committed files are what the generator writes", () => {
  for (const [name, text] of vectorTexts()) {
    assert.ok(existsSync(new URL(name, import.meta.url)), `${name} is missing`);
    assert.ok(readText(name) === text, `${name} is stale: run node test/vectors/generate.ts`);
  }
});

test("every file fits the schema, and the schema notices what does not", () => {
  for (const file of [keys, requests, responses, canonical, sizes, sequences, args, definitions])
    assert.equal(schemaProblems(schema, file), []);
  const [first] = requests.cases;
  assert.ok(schemaProblems(schema, { ...requests, cases: [{ ...first, result: "maybe" }] }).length > 0);
  assert.ok(schemaProblems(schema, { ...requests, extra: 1 }).length > 0);
});

test("case numbers run from 1 and comments are unique within a flag", () => {
  for (const { cases } of [requests, responses, canonical, sizes, sequences, args, definitions]) {
    const names = cases.map(({ flag, comment }: { flag: string; comment: string }) => `${flag}: ${comment}`);
    assert.is(new Set(names).size, names.length);
    assert.equal(
      cases.map(({ id }: { id: number }) => id),
      names.map((_, index) => index + 1),
    );
  }
});

test("PAE, derived keys, their text and fingerprints are as printed", () => {
  for (const { parts, bytes } of keys.pae) assert.is(toHex(pae(...parts.map(hex))), bytes);
  for (const row of keys.derivations) {
    const secret = macKey(hex(row.serverSecret));
    assert.is(fingerprint(secret), row.fingerprint);
    assert.is(toHex(deriveRequestKey(secret, row.clientId, row.keyId)), row.requestKey);
    assert.is(toHex(deriveResponseKey(secret, row.clientId, row.keyId)), row.responseKey);
    assert.is(toHex(parseRequestKey(row.requestKeyText)), row.requestKey);
    assert.is(toHex(parseResponseKey(row.responseKeyText)), row.responseKey);
  }
});

test("texts are read as keys, or refused, as printed", () => {
  for (const { comment, text, use, key } of keys.keyTexts) {
    const read = () => toHex((use === "request" ? parseRequestKey : parseResponseKey)(text));
    if (key === null) assert.throws(read, (error: unknown) => error instanceof SealwireError, comment);
    else assert.is(read(), key, comment);
  }
});

test("the digest of a definition is the hash of its parts, and the same only where nothing shown differs", () => {
  const seen = new Map<string, string>();
  for (const { comment, flag, parts, types: shown, digest } of definitions.cases) {
    const pieces = shown.map(({ typeName, declaration, comments }) => pae(typeName, hex(declaration), ...comments));
    const input = pae("definition", ...Object.values(parts), ...pieces);
    assert.is(createHash("sha256").update(input).digest("hex"), digest, comment);
    const known = seen.get(digest);
    assert.is(known, flag === "Same" && seen.size > 0 ? "Same" : undefined, comment);
    seen.set(digest, flag);
  }
});

const nowMs = Number(requests.clock.nowMs);
const ring = ringOf(requests.serverId, requests.keys);
const authenticator = createRequestAuthenticator({
  ring: () => ring,
  image: builtinImage(),
  clock: new FakeClock(nowMs),
  canonicalRetriesPerSecond: 1e9,
});

/** What our verifier says of a request, and the Envelope that it goes on with. */
function judgeRequest({ received }: RequestCase): { result: string; envelope: string | null } {
  try {
    const request = authenticator.authenticate(received.method, hex(received.frame));
    checkEnvelope(readEnvelope(request.envelope), {
      key: request.key,
      serverId: requests.serverId,
      nowMs,
      maxAgeMs: Number(requests.clock.maxAgeMs),
      maxAheadMs: Number(requests.clock.maxAheadMs),
    });
    return { result: "valid", envelope: toHex(request.envelope) };
  } catch (error) {
    assert.instance(error, SealwireError);
    return { result: (error as SealwireError).reason, envelope: null };
  }
}

for (const each of requests.cases) {
  test(`request ${each.id}, ${each.flag}: ${each.comment}: ${each.result}`, () => {
    const { signed } = each;
    const input = requestSigningInput({ ...signed, envelope: hex(signed.envelope) });
    assert.is(toHex(input) === signed.signingInput, each.flag !== "SigningInput");
    const key = requests.keys.find(({ keyId }) => keyId === signed.key)?.requestKey ?? signed.key;
    assert.is(toHex(mac(macKey(hex(key)), hex(signed.signingInput))), signed.signature);
    if (signed.fields !== null) assert.is(toHex(encodeFields(signed.fields)), signed.envelope);
    assert.equal(judgeRequest(each), { result: each.result, envelope: each.envelope });
    checkJson(each.received.frameJson, each.received.frame, "sealwire.v1.CallRequest");
  });
}

test("a request's ProtoJSON turned back into bytes gets the same result wherever its args are canonical", () => {
  let tried = 0;
  const desc = published("sealwire.v1.CallRequest");
  for (const each of requests.cases) {
    if (each.received.frameJson === null || (each.result !== "valid" && each.result !== "CLOCK_SKEW")) continue;
    if (each.flag === "Valid" && !["a plain call", "empty args"].includes(each.comment)) continue;
    const frame = toBinary(desc, fromJson(desc, each.received.frameJson, { registry: types }));
    const received = { ...each.received, frame: toHex(frame) };
    assert.is(judgeRequest({ ...each, received }).result, each.result, each.comment);
    tried += 1;
  }
  assert.ok(tried > 20, `only ${tried} were tried`);
});

for (const each of responses.cases) {
  test(`response ${each.id}, ${each.flag}: ${each.comment}: ${each.result}`, () => {
    const { signed } = each;
    const input = responseSigningInput({
      requestSignature: hex(signed.requestSignature),
      response: hex(signed.response),
    });
    assert.is(toHex(input) === signed.signingInput, each.flag !== "SigningInput");
    assert.is(toHex(mac(macKey(hex(signed.key)), hex(signed.signingInput))), signed.signature);
    assert.is(judgeResponse(each), each.result);
    checkJson(each.received.frameJson, each.received.frame, "sealwire.v1.CallResponse");
  });
}

function judgeResponse({ received, sequence }: ResponseCase): string {
  const { request, key } = responses;
  try {
    verifyResponseFrame(hex(received.frame), {
      keyId: key.keyId,
      responseKey: macKey(hex(key.responseKey)),
      requestSignature: hex(request.signature),
      requestId: request.requestId,
      serverId: request.serverId,
      sequence: Number(sequence),
    });
    return "valid";
  } catch (error) {
    assert.instance(error, SealwireError);
    return (error as SealwireError).reason;
  }
}

const image = readImage(builtinDescriptorSet(), hex(canonical.descriptorSet));

for (const each of canonical.cases) {
  test(`canonical ${each.id}, ${each.flag}: ${each.comment}`, () => {
    const plain = canonicalForm(each, false);
    assert.is(plain, each.canonical);
    assert.is(canonicalForm(each, true), each.unambiguous ? each.canonical : null);
    if (plain === null) return;
    assert.is(toHex(intentDigest("sample", hex(plain))), each.intentDigest);
    assert.is(canonicalForm({ ...each, bytes: plain }, false), plain);
  });
}

function canonicalForm({ type, bytes }: CanonicalCase, unambiguous: boolean): string | null {
  try {
    return toHex(canonicalize(hex(bytes), messageDesc(image, type), { unambiguous }));
  } catch (error) {
    assert.instance(error, StrictError);
    return null;
  }
}

function encodeFields(fields: NonNullable<RequestCase["signed"]["fields"]>): Uint8Array {
  const {
    v,
    requestId,
    tsMs,
    clientId,
    serverId,
    tool,
    args,
    nonce,
    definitionDigest = "",
  } = fields as Record<string, string>;
  const any = args as unknown as { typeUrl: string; value: string } | null;
  return Envelope.encode({
    v: v as string,
    requestId: requestId as string,
    tsMs: BigInt(tsMs as string),
    clientId: clientId as string,
    serverId: serverId as string,
    tool: tool as string,
    args: any === null ? undefined : { typeUrl: any.typeUrl, value: hex(any.value) },
    nonce: hex(nonce as string),
    definitionDigest,
  }).finish();
}

function checkJson(json: JsonValue, frame: string, type: string): void {
  if (json === null) return;
  const desc = published(type);
  assert.equal(toJson(desc, fromBinary(desc, hex(frame)), { registry: types }), json);
}

test.run();
