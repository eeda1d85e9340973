// test-limit-ms: 1200000
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { LANGUAGES, type Language, PROGRAMS } from "./archive-build.ts";
import { type Answer, ArchiveClient, encodeRequest, listServices, SERVICE } from "./archive-client.ts";
import { type Archive, startArchive } from "./archive-process.ts";
import {
  type AssertionKey,
  type AssertionParts,
  AUDIENCE,
  createAssertionKey,
  metadataOf,
  partsOf,
  signEs256,
  signHs256,
  unsigned,
  writeJwks,
} from "./assertions.ts";

const key = createAssertionKey("first");
const stranger = createAssertionKey("stranger");
const nowS = () => Math.floor(Date.now() / 1000);

/** An attempt to add a note, with a valid assertion unless it is changed. */
interface Attempt {
  readonly parts: AssertionParts;
  readonly metadata: Readonly<Record<string, string>>;
  readonly request: Buffer;
  readonly assertion: string;
}

/** Makes an attempt with other claims. */
const claiming = (claims: Readonly<Record<string, unknown>>) => (valid: Attempt) => {
  const parts = { ...valid.parts, claims: { ...valid.parts.claims, ...claims } };
  return { ...valid, assertion: signEs256(key, parts) };
};

/** Makes an attempt with another header, signed in the given way. */
const headed =
  (header: Readonly<Record<string, unknown>>, signed: (parts: AssertionParts) => string) => (valid: Attempt) => {
    const parts = { ...valid.parts, header: { ...valid.parts.header, ...header } };
    return { ...valid, assertion: signed(parts) };
  };

/** Makes an attempt with other metadata than the assertion is for. */
const sending = (metadata: Readonly<Record<string, string>>) => (valid: Attempt) => ({
  ...valid,
  metadata: { ...valid.metadata, ...metadata },
});

const FORGED: Readonly<Record<string, (valid: Attempt) => Attempt>> = {
  "changed arguments": (valid) => ({ ...valid, request: encodeRequest("AddNote", { text: "forged" }) }),
  "arguments with one more field that the parser skips": (valid) => ({
    ...valid,
    request: Buffer.concat([valid.request, Buffer.from([0x78, 0x01])]),
  }),
  "another audience": claiming({ aud: "other" }),
  "no audience": claiming({ aud: undefined }),
  "an expiry in the past": claiming({ iat: nowS() - 120, exp: nowS() - 60 }),
  "an expiry in an hour": claiming({ exp: nowS() + 3600 }),
  "no expiry": claiming({ exp: undefined }),
  "another tool than the metadata": claiming({ tool: "count_words" }),
  "the tool of another method": (valid) => {
    const metadata = { ...valid.metadata, "sealwire-tool": "count_words" };
    return { ...valid, metadata, assertion: signEs256(key, partsOf(key, metadata, valid.request)) };
  },
  "another client": sending({ "sealwire-client-id": "mallory" }),
  "another attempt": sending({ "sealwire-attempt": "2" }),
  "no attempt on either side": ({ metadata, ...valid }) => {
    const { "sealwire-attempt": _attempt, ...rest } = metadata;
    return { ...claiming({ attempt: undefined })({ ...valid, metadata }), metadata: rest };
  },
  "no jti": claiming({ jti: undefined }),
  "alg none": headed({ alg: "none" }, unsigned),
  "HS256 with the public key as the secret": headed({ alg: "HS256" }, (parts) => signHs256(key, parts)),
  "another algorithm in the header": headed({ alg: "ES384" }, (parts) => signEs256(key, parts)),
  "an unknown kid": headed({ kid: "stranger" }, (parts) => signEs256(stranger, parts)),
  "no kid": headed({ kid: undefined }, (parts) => signEs256(key, parts)),
  "the signature of another key": headed({}, (parts) => signEs256(stranger, parts)),
  "claims that were changed after the signature": (valid) => {
    const [header, , signature] = valid.assertion.split(".");
    const claims = Buffer.from(JSON.stringify({ ...valid.parts.claims, exp: nowS() + 50 })).toString("base64url");
    return { ...valid, assertion: [header, claims, signature].join(".") };
  },
  "text that is no JWS": (valid) => ({ ...valid, assertion: "x.y" }),
};

for (const language of LANGUAGES) testAssertions(language);

function testAssertions(language: Language): void {
  const test = suiteWith(PROGRAMS[language], `interop/upstream/assertion ${language}`);
  let folder: string;
  let jwks: string;
  let archive: Archive;
  let client: ArchiveClient;

  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sealwire-jwks-"));
    jwks = join(folder, "jwks.json");
    await writeJwks(jwks, [key]);
    archive = await startArchive(language, { assertion: { jwks, audience: AUDIENCE } });
    client = new ArchiveClient(archive.address);
  });
  test.after(async () => {
    client?.[Symbol.dispose]();
    await archive?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const valid = (signer = key): Attempt => {
    const metadata = metadataOf("add_note");
    const request = encodeRequest("AddNote", { text: "a note" });
    const parts = partsOf(signer, metadata, request);
    return { parts, metadata, request, assertion: signEs256(signer, parts) };
  };

  const send = ({ request, metadata, assertion }: Attempt): Promise<Answer> =>
    client.open("AddNote", request, { metadata: { ...metadata, "sealwire-assertion": assertion } }).answer;

  const accepts = async (signer: AssertionKey) => {
    const { code, details } = await send(valid(signer));
    assert.is(code, status.OK, details);
  };

  const refuses = async (attempt: Promise<Answer>) => {
    const notes = await archive.notes();
    const { code, details } = await attempt;
    assert.is(code, status.UNAUTHENTICATED, details);
    assert.match(details, /^sealwire-assertion: /);
    assert.equal(await archive.notes(), notes);
  };

  test("a valid assertion is accepted", () => accepts(key));

  test("a job with a stream of responses is accepted, too", async () => {
    const metadata = metadataOf("hash_pages");
    const request = encodeRequest("HashPages", { pages: 2 });
    const assertion = signEs256(key, partsOf(key, metadata, request));
    const options = { metadata: { ...metadata, "sealwire-assertion": assertion } };
    const { code, details, messages } = await client.open("HashPages", request, options).answer;
    assert.is(code, status.OK, details);
    assert.is(messages.length, 3);
    await refuses(client.open("HashPages", request, options).answer);
    await refuses(client.call("CountWords", { text: "a" }, { metadata: metadataOf("count_words") }));
  });

  for (const [name, forge] of Object.entries(FORGED)) {
    test(`${name}: refused`, () => refuses(send(forge(valid()))));
  }

  test("a call without an assertion is refused", async () => {
    const { request, metadata } = valid();
    await refuses(client.open("AddNote", request, { metadata }).answer);
  });

  test("an assertion is accepted once", async () => {
    const attempt = valid();
    assert.is((await send(attempt)).code, status.OK);
    await refuses(send(attempt));
  });

  test("a refused assertion is not used up", async () => {
    const attempt = valid();
    await refuses(send({ ...attempt, metadata: { ...attempt.metadata, "sealwire-attempt": "2" } }));
    assert.is((await send(attempt)).code, status.OK);
  });

  test("health and reflection need no assertion", async () => {
    assert.ok((await listServices(archive.address)).includes(SERVICE));
  });

  test("a new key counts as soon as the file has it, the old one until it is removed", async () => {
    const next = createAssertionKey("second");
    await refuses(send(valid(next)));
    await writeJwks(jwks, [key, next]);
    await accepts(key);
    await accepts(next);
    await writeJwks(jwks, [next]);
    await refuses(send(valid(key)));
    await accepts(next);
  });

  test("a file that cannot be read changes nothing", async () => {
    await writeJwks(jwks, [key]);
    await accepts(key);
    await writeFile(`${jwks}.new`, "{");
    await rename(`${jwks}.new`, jwks);
    await accepts(key);
  });

  test.run();
}
