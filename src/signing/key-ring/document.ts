import type { KeyObject } from "node:crypto";
import { SealwireError } from "../../errors.ts";
import { formatTime, IDENTIFIER, JsonFieldError, JsonFields } from "../../files/json-fields.ts";
import { parseJson } from "../../files/json-text.ts";
import { type ReadableText, readableText } from "../../files/readable-text.ts";
import { formatRequestKey, formatResponseKey, parseRequestKey, parseResponseKey } from "../key-text.ts";
import { exportSecret, parseServerSecret, readSecret } from "./secret.ts";
import { TOOL_PATTERN } from "./tool-patterns.ts";
import { KEY_LIMIT_RANGES, KEY_ROLES, type KeyLimits, type KeyRole, type KeyState } from "./types.ts";

/** A secret of the server from which clients' keys are derived. */
export interface ServerSecret {
  readonly id: string;
  readonly secret: KeyObject;
  readonly createdAtMs: number;
}

/** The origin of a key's two HMAC keys: derived from a server secret, or imported. */
export type KeyOrigin =
  | { readonly serverSecretId: string }
  | { readonly requestKey: KeyObject; readonly responseKey: KeyObject };

/** One key in a key ring file. */
export interface KeyEntry {
  readonly keyId: string;
  readonly clientId: string;
  readonly state: KeyState;
  /** Absent: none. Servers of 0.1 refuse a ring with a role. */
  readonly role?: KeyRole;
  readonly createdAtMs: number;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** Patterns of tool names, see {@link compileToolPatterns}. */
  readonly tools: readonly string[];
  /** The limits that the file sets; the others have their defaults. */
  readonly limits: Partial<KeyLimits>;
  readonly origin: KeyOrigin;
}

/** The content of a key ring file. New keys are derived from the last server secret. */
export interface KeyRingDocument {
  readonly serverId: string;
  readonly serverSecrets: readonly ServerSecret[];
  readonly keys: readonly KeyEntry[];
}

const PATTERN = { pattern: TOOL_PATTERN, expected: 'a tool name such as "batch_sum", with * for any characters' };
/** The names of the limits in the file. */
const LIMIT_FIELDS = {
  calls_per_second: "callsPerSecond",
  burst: "burst",
  calls_in_flight: "callsInFlight",
  open_jobs: "openJobs",
  open_watches: "openWatches",
} as const satisfies Readonly<Record<string, keyof KeyLimits>>;

/**
 * Parses the bytes of a key ring file. Throws KEY_RING_INVALID, which names the field and never contains a secret.
 * {@link buildKeyRing} checks that the entries are consistent.
 *
 * @example
 * ```ts
 * const document = parseKeyRing(await readFile("/run/secrets/keys.json"));
 * await using keyRing = memoryKeyRing(document);
 * ```
 */
export function parseKeyRing(bytes: Uint8Array): KeyRingDocument {
  return parsing(bytes, (root) => ({
    serverId: root.text("server_id", IDENTIFIER),
    serverSecrets: root.objects("server_secrets").map(readServerSecret),
    keys: readKeys(root),
  }));
}

/**
 * Formats a key ring as JSON for {@link parseKeyRing}. The text contains secrets. Throws KEY_RING_INVALID for a ring
 * that {@link parseKeyRing} would refuse.
 *
 * @example
 * ```ts
 * await writeFile("keys.json", formatKeyRing(document), { mode: 0o600 });
 * ```
 */
export function formatKeyRing(document: KeyRingDocument): ReadableText {
  const content = {
    version: 1,
    server_id: document.serverId,
    server_secrets: document.serverSecrets.map(formatServerSecret),
    keys: document.keys.map(formatKey),
  };
  return readableText(`${JSON.stringify(content, undefined, 2)}\n`, parseKeyRing);
}

/** A key ring whose server secrets are stored separately. */
export type SharedKeyRing = Pick<KeyRingDocument, "serverId" | "keys">;

/** Parses a ring without secrets, as written by {@link formatSharedRing}. Throws KEY_RING_INVALID. */
export function parseSharedRing(text: string): SharedKeyRing {
  return parsing(Buffer.from(text), (root) => ({
    serverId: root.text("server_id", IDENTIFIER),
    keys: readKeys(root),
  }));
}

/**
 * Formats a ring without its server secrets. Throws KEY_RING_INVALID, also for an imported key, because it is a secret
 * itself.
 */
export function formatSharedRing({ serverId, keys }: SharedKeyRing): ReadableText {
  const imported = keys.findIndex(({ origin }) => !("serverSecretId" in origin));
  if (imported >= 0) {
    throw keyRingFieldError(`keys[${imported}].request_key`, "is imported, and a ring in a database holds no secrets");
  }
  const text = JSON.stringify({ version: 1, server_id: serverId, keys: keys.map(formatKey) });
  return readableText(text, (bytes) => parseSharedRing(bytes.toString()));
}

/** Parses the bytes of a server secret file, as written by {@link formatServerSecrets}. Throws KEY_RING_INVALID. */
export function parseServerSecrets(bytes: Uint8Array): readonly ServerSecret[] {
  return parsing(bytes, (root) => root.objects("server_secrets").map(readServerSecret));
}

/** Server secrets that were fetched, and how long they are valid. */
export interface FetchedSecrets {
  readonly secrets: readonly ServerSecret[];
  /** `undefined` if the text does not say it. */
  readonly ttlMs: number | undefined;
}

/** Range of `ttl_seconds`: one second to a week. */
const TTL_SECONDS = { least: 1, most: 604_800 };

/** Parses a server secret file with an optional `ttl_seconds`. Throws KEY_RING_INVALID, which names `origin`. */
export function parseFetchedSecrets(bytes: Uint8Array, origin: string): FetchedSecrets {
  try {
    return parsing(bytes, (root) => ({
      secrets: root.objects("server_secrets").map(readServerSecret),
      ttlMs: root.has("ttl_seconds") ? root.number("ttl_seconds", TTL_SECONDS) * 1000 : undefined,
    }));
  } catch (error) {
    throw keyRingError(`${origin}: ${((error as Error).cause as Error).message}`, error);
  }
}

/** Formats server secrets without keys. The text contains secrets. Throws KEY_RING_INVALID. */
export function formatServerSecrets(secrets: readonly ServerSecret[]): ReadableText {
  const content = { version: 1, server_secrets: secrets.map(formatServerSecret) };
  return readableText(`${JSON.stringify(content, undefined, 2)}\n`, parseServerSecrets);
}

/** Makes the error for a key ring that cannot be used. */
export function keyRingError(problem: string, cause?: unknown): SealwireError {
  return new SealwireError("KEY_RING_INVALID", `The key ring is refused: ${problem}.`, { cause });
}

/** Makes the error for a key ring with one invalid field, which {@link ringFieldAtFault} returns. */
export function keyRingFieldError(path: string, problem: string): SealwireError {
  const fault = new JsonFieldError(path, problem);
  return keyRingError(fault.message, fault);
}

/** The invalid field of an error that {@link keyRingFieldError} made; `undefined` for other errors. */
export function ringFieldAtFault(error: unknown): JsonFieldError | undefined {
  const cause = error instanceof SealwireError ? error.cause : undefined;
  return cause instanceof JsonFieldError ? cause : undefined;
}

/** Reads a JSON object of version 1. Fields that `read` does not read are refused. */
function parsing<T>(bytes: Uint8Array, read: (root: JsonFields) => T): T {
  try {
    const root = new JsonFields(parseJson(bytes));
    root.number("version", { least: 1, most: 1 });
    const value = read(root);
    root.end();
    return value;
  } catch (error) {
    throw keyRingError((error as Error).message, error);
  }
}

function readKeys(root: JsonFields): readonly KeyEntry[] {
  const ids = new Set<string>();
  return root.objects("keys").map((fields, index) => {
    const key = readKey(fields);
    if (ids.has(key.keyId))
      root.fail(`keys[${index}].key_id`, `"${key.keyId}" is taken; give each key an id of its own`);
    ids.add(key.keyId);
    return key;
  });
}

function readServerSecret(fields: JsonFields): ServerSecret {
  const id = fields.text("id", IDENTIFIER);
  const secret = readSecret(fields, "secret", parseServerSecret);
  const createdAtMs = fields.time("created_at");
  fields.end();
  return { id, secret, createdAtMs };
}

function formatServerSecret({ id, secret, createdAtMs }: ServerSecret): object {
  return {
    id,
    secret: exportSecret(secret, (bytes) => bytes.toString("base64url")),
    created_at: formatTime(createdAtMs),
  };
}

function readKey(fields: JsonFields): KeyEntry {
  const entry: KeyEntry = {
    keyId: fields.text("key_id", IDENTIFIER),
    clientId: fields.text("client_id", IDENTIFIER),
    state: fields.oneOf("state", ["active", "retiring", "revoked"]),
    ...(fields.has("role") && { role: fields.oneOf("role", KEY_ROLES) }),
    createdAtMs: fields.time("created_at"),
    ...(fields.has("not_before") && { notBeforeMs: fields.time("not_before") }),
    ...(fields.has("not_after") && { notAfterMs: fields.time("not_after") }),
    tools: fields.texts("tools", PATTERN),
    limits: fields.has("limits") ? readLimits(fields.object("limits")) : {},
    origin: readOrigin(fields),
  };
  fields.end();
  const { notBeforeMs, notAfterMs } = entry;
  if (notBeforeMs !== undefined && notAfterMs !== undefined && notBeforeMs >= notAfterMs) {
    fields.fail("not_after", `must be later than not_before, ${formatTime(notBeforeMs)}`);
  }
  return entry;
}

function readOrigin(fields: JsonFields): KeyOrigin {
  if (fields.has("server_secret_id")) {
    for (const name of ["request_key", "response_key"]) {
      if (fields.has(name)) fields.fail(name, "must be left out where server_secret_id is given, or take that out");
    }
    return { serverSecretId: fields.text("server_secret_id", IDENTIFIER) };
  }
  if (!fields.has("request_key")) {
    fields.fail(
      "server_secret_id",
      "is missing; name a secret of server_secrets, or give request_key and response_key",
    );
  }
  return {
    requestKey: readSecret(fields, "request_key", parseRequestKey),
    responseKey: readSecret(fields, "response_key", parseResponseKey),
  };
}

function readLimits(fields: JsonFields): Partial<KeyLimits> {
  const limits: { -readonly [name in keyof KeyLimits]?: number } = {};
  for (const [field, name] of Object.entries(LIMIT_FIELDS)) {
    if (fields.has(field)) limits[name] = fields.number(field, KEY_LIMIT_RANGES[name]);
  }
  fields.end();
  return limits;
}

function formatKey(entry: KeyEntry): object {
  const { origin } = entry;
  const limits = Object.entries(LIMIT_FIELDS).flatMap(([field, name]) => {
    const value = entry.limits[name];
    return value === undefined ? [] : [[field, value] as const];
  });
  return {
    key_id: entry.keyId,
    client_id: entry.clientId,
    state: entry.state,
    ...(entry.role !== undefined && { role: entry.role }),
    created_at: formatTime(entry.createdAtMs),
    ...(entry.notBeforeMs !== undefined && { not_before: formatTime(entry.notBeforeMs) }),
    ...(entry.notAfterMs !== undefined && { not_after: formatTime(entry.notAfterMs) }),
    tools: entry.tools,
    ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
    ...("serverSecretId" in origin
      ? { server_secret_id: origin.serverSecretId }
      : {
          request_key: exportSecret(origin.requestKey, formatRequestKey),
          response_key: exportSecret(origin.responseKey, formatResponseKey),
        }),
  };
}
