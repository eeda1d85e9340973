import type { KeyObject } from "node:crypto";
import { SealwireError } from "../../errors.ts";
import { IDENTIFIER, JsonFields } from "../../files/json-fields.ts";
import { parseJson } from "../../files/json-text.ts";
import { readPrivateFile } from "../../files/private-file.ts";
import { createPrivateFile, replacePrivateFile } from "../../files/private-file-write.ts";
import { type ReadableText, readableText } from "../../files/readable-text.ts";
import type { Random } from "../../runtime/random.ts";
import { parseAddresses } from "../../wire/server-address.ts";
import { formatRequestKey, formatResponseKey, parseRequestKey, parseResponseKey } from "../key-text.ts";
import { exportSecret, readSecret } from "./secret.ts";
import type { VerificationKey } from "./types.ts";

/** The ids, the address and the two keys with which a client calls a server. */
export interface ClientCredentials {
  /** The server's address, such as "127.0.0.1:50051"; several replicas are separated by commas. */
  readonly address: string;
  readonly serverId: string;
  /** Fingerprint of the server secret from which the keys are derived, as in the answer of `server_identity`. */
  readonly serverFingerprint: string;
  readonly clientId: string;
  readonly keyId: string;
  /** Signs requests. */
  readonly requestKey: KeyObject;
  /** Verifies responses. */
  readonly responseKey: KeyObject;
}

const ADDRESS = { pattern: /^\P{Cc}+$/u, expected: 'an address that a client can call, such as "127.0.0.1:50051"' };
const FINGERPRINT = { pattern: /^[0-9a-f]{32}$/, expected: "32 hex digits" };

/**
 * Makes the credentials for a key of a key ring.
 *
 * @example
 * ```ts
 * const key = keyRing.current().find(keyId);
 * if (key === undefined) throw new Error(`no key ${keyId}`);
 * const credentials = credentialsOf(key, { serverId: "billing", address: "127.0.0.1:50051" });
 * ```
 */
export function credentialsOf(key: VerificationKey, server: { serverId: string; address: string }): ClientCredentials {
  const { clientId, keyId, fingerprint, requestKey, responseKey } = key;
  return { ...server, serverFingerprint: fingerprint, clientId, keyId, requestKey, responseKey };
}

/**
 * Reads a credentials file. Throws OPTIONS_INVALID if it is invalid or if users other than its owner can read it.
 *
 * @example
 * ```ts
 * const credentials = await readCredentials(".sealwire/client.json");
 * await using client = new SealwireClient({ credentials });
 * ```
 */
export async function readCredentials(path: string): Promise<ClientCredentials> {
  return (await loadCredentialsFile(path)).credentials;
}

/** Like {@link readCredentials}, with the version of the file (see {@link fileVersion}). */
export async function loadCredentialsFile(
  path: string,
): Promise<{ readonly credentials: ClientCredentials; readonly version: string }> {
  const { bytes, version } = await readPrivateFile({ path, what: "credentials file", reason: "OPTIONS_INVALID" });
  try {
    return { credentials: parseCredentials(bytes, `The credentials in ${path}`), version };
  } finally {
    bytes.fill(0);
  }
}

/** Creates a credentials file with mode 0600. Throws OPTIONS_INVALID if the file exists. */
export async function writeCredentials(path: string, credentials: ClientCredentials): Promise<void> {
  await createPrivateFile(path, formatCredentials(credentials));
}

/** Replaces the credentials in a file atomically. */
export async function replaceCredentials(path: string, credentials: ClientCredentials, random: Random): Promise<void> {
  await replacePrivateFile(path, formatCredentials(credentials), random);
}

/**
 * Parses the JSON of a credentials file. `name` is the subject of error messages. Throws OPTIONS_INVALID, which names
 * the field and never contains a key.
 *
 * @example
 * ```ts
 * const credentials = parseCredentials(await readFile("/run/secrets/sealwire"), "The mounted credentials");
 * ```
 */
export function parseCredentials(bytes: Uint8Array, name = "The credentials"): ClientCredentials {
  try {
    return readFields(new JsonFields(parseJson(bytes)));
  } catch (error) {
    throw new SealwireError("OPTIONS_INVALID", `${name} are refused: ${(error as Error).message}.`, { cause: error });
  }
}

/**
 * Formats credentials as JSON for {@link parseCredentials}. The text contains both keys. Throws OPTIONS_INVALID for
 * credentials that {@link parseCredentials} would refuse.
 *
 * @example
 * ```ts
 * const text = formatCredentials(credentials);
 * await writeFile("client.json", text, { mode: 0o600, flag: "wx" });
 * ```
 */
export function formatCredentials(credentials: ClientCredentials): ReadableText {
  const content = {
    address: credentials.address,
    server_id: credentials.serverId,
    server_fingerprint: credentials.serverFingerprint,
    client_id: credentials.clientId,
    key_id: credentials.keyId,
    request_key: exportSecret(credentials.requestKey, formatRequestKey),
    response_key: exportSecret(credentials.responseKey, formatResponseKey),
  };
  return readableText(`${JSON.stringify(content, undefined, 2)}\n`, (bytes) => parseCredentials(bytes));
}

function readFields(fields: JsonFields): ClientCredentials {
  const credentials = {
    address: readAddress(fields),
    serverId: fields.text("server_id", IDENTIFIER),
    serverFingerprint: fields.text("server_fingerprint", FINGERPRINT),
    clientId: fields.text("client_id", IDENTIFIER),
    keyId: fields.text("key_id", IDENTIFIER),
    requestKey: readSecret(fields, "request_key", parseRequestKey),
    responseKey: readSecret(fields, "response_key", parseResponseKey),
  };
  fields.end();
  return credentials;
}

function readAddress(fields: JsonFields): string {
  const address = fields.text("address", ADDRESS);
  try {
    parseAddresses(address);
  } catch {
    fields.fail("address", `must be ${ADDRESS.expected}`);
  }
  return address;
}
