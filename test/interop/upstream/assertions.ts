import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";

/** Audience that the tests start servers with. */
export const AUDIENCE = "archive";

/** A key that signs assertions. */
export interface AssertionKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** The two parts of an assertion that are signed. */
export interface AssertionParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Makes a new key. */
export function createAssertionKey(kid: string): AssertionKey {
  return { kid, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) };
}

/** Writes a JWKS file with the public keys. */
export async function writeJwks(path: string, keys: readonly AssertionKey[]): Promise<void> {
  const jwks = keys.map(({ kid, publicKey }) => ({
    ...publicKey.export({ format: "jwk" }),
    kid,
    alg: "ES256",
    use: "sig",
  }));
  await writeFile(`${path}.new`, JSON.stringify({ keys: jwks }));
  await rename(`${path}.new`, path);
}

/** Metadata of an attempt at a call of `tool`, as Sealwire sends it. */
export function metadataOf(tool: string): Readonly<Record<string, string>> {
  return {
    "sealwire-client-id": "alice",
    "sealwire-request-id": randomUUID(),
    "sealwire-tool": tool,
    "sealwire-server-id": "sealwire-test",
    "sealwire-attempt": "1",
    "sealwire-idempotency-key": randomUUID(),
  };
}

/** The parts of a valid assertion for a call with this metadata and serialized request. */
export function partsOf(
  { kid }: AssertionKey,
  metadata: Readonly<Record<string, string>>,
  request: Uint8Array,
): AssertionParts {
  const nowS = Math.floor(Date.now() / 1000);
  return {
    header: { alg: "ES256", typ: "JWT", kid },
    claims: {
      iss: metadata["sealwire-server-id"],
      aud: AUDIENCE,
      sub: metadata["sealwire-client-id"],
      jti: randomUUID(),
      iat: nowS,
      exp: nowS + 60,
      tool: metadata["sealwire-tool"],
      attempt: Number(metadata["sealwire-attempt"]),
      args_sha256: createHash("sha256").update(request).digest("base64url"),
    },
  };
}

/** Signs an assertion with ES256, whatever its header says. */
export function signEs256({ privateKey }: AssertionKey, parts: AssertionParts): string {
  const input = signingInput(parts);
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** Signs an assertion with HS256 and the text of the public key as the secret. */
export function signHs256({ publicKey }: AssertionKey, parts: AssertionParts): string {
  const input = signingInput(parts);
  const secret = publicKey.export({ type: "spki", format: "pem" });
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** An assertion without a signature. */
export function unsigned(parts: AssertionParts): string {
  return `${signingInput(parts)}.`;
}

function signingInput({ header, claims }: AssertionParts): string {
  return [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}
