import type { KeyObject } from "node:crypto";
import { formatTime } from "../files/json-fields.ts";
import { harmlessJson } from "../files/json-text.ts";
import { mac, macEquals } from "../signing/mac.ts";
import { pae } from "../signing/pae.ts";
import type { AuditEvent } from "./event.ts";

/** Version of the format, which each line names. */
export const AUDIT_VERSION = 1;

/** The `prev` of the first line of a chain. */
export const CHAIN_START = "0".repeat(64);

/** Longest line that is read, in bytes. No server writes a longer one. */
export const LINE_BYTES_MAX = 1024 * 1024;

/** Longest text in a line, in UTF-16 code units. Longer ones are cut. */
const TEXT_MAX = 256;

/** Highest sequence that is read, so that the lines after it have safe integers, too. */
const SEQUENCE_MAX = 2 ** 52;

/** The last line of a chain. */
export interface ChainHead {
  readonly chain: string;
  /** Number of the line in its chain, from 1 on; 0: the chain has no line. */
  readonly sequence: number;
  /** The line's MAC, 64 hex digits. */
  readonly mac: string;
}

/** What a line says beside its event and its place in the chain. */
export interface LineContext {
  readonly timeMs: number;
  /** Id of the server. */
  readonly server: string;
  /** Id of the process. */
  readonly instance: string;
  /** Id of the server secret that the key is derived from. */
  readonly secret: string;
}

/** A line that continues a chain. */
export interface SealedLine {
  /** Without the line feed. */
  readonly text: string;
  readonly head: ChainHead;
}

/**
 * Makes the line that follows `last`. Its MAC is HMAC(key, PAE("audit-line", line without the MAC)) and covers `prev`,
 * the MAC of the line before (docs/audit.md, The chain).
 */
export function sealLine(event: AuditEvent, last: ChainHead, context: LineContext, key: KeyObject): SealedLine {
  const { client, keyId } = event;
  const sequence = last.sequence + 1;
  const json = JSON.stringify({
    version: AUDIT_VERSION,
    time: formatTime(context.timeMs),
    chain: last.chain,
    sequence,
    server: context.server,
    instance: context.instance,
    action: event.action,
    outcome: event.outcome,
    reason: event.reason,
    actor: client === undefined && keyId === undefined ? undefined : { client: cut(client), key: cut(keyId) },
    target: event.target && { type: event.target.type, id: cut(event.target.id) },
    source: cut(event.source),
    request_id: cut(event.requestId),
    job_id: cut(event.jobId),
    attempt: event.attempt,
    trace_id: cut(event.traceId),
    args_sha256: event.argsSha256,
    count: event.count,
    details: event.details,
    secret: context.secret,
    prev: last.mac,
  });
  const body = harmlessJson(json);
  const code = macOf(body, key).toString("hex");
  return { text: `${body.slice(0, -1)},"mac":"${code}"}`, head: { chain: last.chain, sequence, mac: code } };
}

/** A line as it was read. Nothing in it is proven before {@link isSealed}. */
export interface ReadLine {
  /** The line without its MAC. */
  readonly body: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly head: ChainHead;
  readonly prev: string;
  readonly secret: string;
}

const SEALED = /^(\{.+),"mac":"([0-9a-f]{64})"\}$/;
const CHAIN_ID = /^[0-9a-f]{32}$/;

/** Reads a line, without the line feed; `undefined` if it is none of an audit log. */
export function readLine(text: string): ReadLine | undefined {
  const [, start, code] = SEALED.exec(text) ?? [];
  if (start === undefined || code === undefined) return undefined;
  const body = `${start}}`;
  const fields = parsed(body);
  if (fields?.version !== AUDIT_VERSION) return undefined;
  const { chain, sequence, prev, secret } = fields;
  if (typeof chain !== "string" || !CHAIN_ID.test(chain) || !isSequence(sequence)) return undefined;
  if (typeof prev !== "string" || typeof secret !== "string") return undefined;
  return { body, fields, prev, secret, head: { chain, sequence, mac: code } };
}

function isSequence(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= SEQUENCE_MAX;
}

/** True if the key has sealed the line. */
export function isSealed({ body, head }: ReadLine, key: KeyObject): boolean {
  return macEquals(macOf(body, key), Buffer.from(head.mac, "hex"));
}

/** The object in a text; `undefined` if it is no JSON object. */
export function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return value as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function macOf(body: string, key: KeyObject): Buffer {
  return mac(key, pae("audit-line", Buffer.from(body)));
}

/** JSON.stringify writes a lone surrogate as an escape, so that the bytes are well-formed. */
function cut(text: string | undefined): string | undefined {
  return text === undefined || text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`;
}
