import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import { SealwireError } from "../errors.ts";
import { JsonFieldError, JsonFields } from "../files/json-fields.ts";
import { JsonTextError, parseJson } from "../files/json-text.ts";
import { readPrivateFile } from "../files/private-file.ts";
import { type ReadableText, readableText } from "../files/readable-text.ts";

/** The keys of assertions, as their file holds them. All servers use one file. */
export interface AssertionKeys {
  /** Signs. */
  readonly signing: PrivateKey;
  /** Published, so that upstreams know it before it signs. */
  readonly next?: PrivateKey;
  /** Still published for assertions that it has signed. */
  readonly previous?: PublicKey;
}

/** A public key of ES256 as a JSON Web Key (RFC 7517). */
export interface PublicKey {
  readonly kid: string;
  readonly x: string;
  readonly y: string;
}

/** A key pair of ES256. */
export interface PrivateKey extends PublicKey {
  readonly d: string;
}

/** What {@link rotateKeys} has done. */
export type RotationStep = "published" | "switched";

const COORDINATE = /^[A-Za-z0-9_-]{43}$/;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Makes the keys of a new file. */
export async function newKeys(): Promise<AssertionKeys> {
  return { signing: await newKey() };
}

/**
 * One of the two steps of a rotation: publishes a next key, or, if there is one, signs with it from now on. Between the
 * steps upstreams must have read the published keys again.
 */
export async function rotateKeys({
  signing,
  next,
}: AssertionKeys): Promise<{ readonly keys: AssertionKeys; readonly step: RotationStep }> {
  if (next === undefined) return { keys: { signing, next: await newKey() }, step: "published" };
  return { keys: { signing: next, previous: publicPart(signing) }, step: "switched" };
}

/** The JSON Web Key Set for upstreams: public keys only. */
export function publicKeys({ signing, next, previous }: AssertionKeys): { readonly keys: readonly JWK[] } {
  const all = [signing, next, previous].filter((key) => key !== undefined);
  return { keys: all.map((key) => ({ ...toJwk(publicPart(key)), alg: "ES256", use: "sig" })) };
}

/** The text of the file. */
export function formatKeys({ signing, next, previous }: AssertionKeys): ReadableText {
  const document = { signing: toJwk(signing), next: next && toJwk(next), previous: previous && toJwk(previous) };
  return readableText(`${JSON.stringify(document, undefined, 2)}\n`, parseKeys);
}

/** Reads the file, which must be private. Throws OPTIONS_INVALID naming the file and the field. */
export async function readKeys(path: string): Promise<AssertionKeys> {
  const { bytes } = await readPrivateFile({ path, what: "key file", reason: "OPTIONS_INVALID" });
  try {
    return parseKeys(bytes);
  } catch (cause) {
    if (!(cause instanceof JsonFieldError || cause instanceof JsonTextError)) throw cause;
    const toDo = "Give a file that `sealwire upstream keygen` has written.";
    throw new SealwireError("OPTIONS_INVALID", `The key file ${path} is refused: ${cause.message}.\n${toDo}`, {
      cause,
    });
  } finally {
    bytes.fill(0);
  }
}

function parseKeys(bytes: Buffer): AssertionKeys {
  const fields = new JsonFields(parseJson(bytes));
  const keys = {
    signing: readPrivate(fields.object("signing")),
    ...(fields.has("next") && { next: readPrivate(fields.object("next")) }),
    ...(fields.has("previous") && { previous: readPublic(fields.object("previous")) }),
  };
  fields.end();
  return keys;
}

/** A key as libraries of JSON Web Tokens read it. */
export function toJwk(key: PublicKey | PrivateKey): JWK {
  return { kty: "EC", crv: "P-256", ...key };
}

function publicPart({ kid, x, y }: PublicKey): PublicKey {
  return { kid, x, y };
}

async function newKey(): Promise<PrivateKey> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const { x = "", y = "", d = "" } = jwk;
  return { kid: await calculateJwkThumbprint(jwk), x, y, d };
}

function readPublic(fields: JsonFields): PublicKey {
  const key = readPoint(fields);
  fields.end();
  return key;
}

function readPrivate(fields: JsonFields): PrivateKey {
  const key = { ...readPoint(fields), d: readText(fields, "d", COORDINATE) };
  fields.end();
  return key;
}

function readPoint(fields: JsonFields): PublicKey {
  if (fields.text("kty") !== "EC" || fields.text("crv") !== "P-256") fields.fail("crv", "must be P-256");
  return {
    kid: readText(fields, "kid", KEY_ID),
    x: readText(fields, "x", COORDINATE),
    y: readText(fields, "y", COORDINATE),
  };
}

function readText(fields: JsonFields, name: string, form: RegExp): string {
  const text = fields.text(name);
  return form.test(text) ? text : fields.fail(name, "must be base64url without padding");
}
