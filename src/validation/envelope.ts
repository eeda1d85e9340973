import type { Any } from "../../gen/google/protobuf/any.ts";
import type { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import { SealwireError } from "../errors.ts";
import { PROTOCOL_VERSION } from "../wire/limits.ts";
import { LENGTH_DELIMITED, VARINT, WireCursor, WireFormatError } from "../wire/wire-cursor.ts";
import type { VerifiedBytes } from "./verified-bytes.ts";

const PRINTABLE = /^[!-~]{1,128}$/;
const TOOL_NAME = /^[a-z][a-z0-9_]{0,127}$/;
const DEFINITION_DIGEST = /^([0-9a-f]{64})?$/;
const MIN_NONCE_BYTES = 16;
const MAX_NONCE_BYTES = 64;
/** The highest field number of an Envelope. */
const LAST_FIELD = 9;
const EMPTY = new Uint8Array(0);

/**
 * Parses a verified Envelope strictly, in one pass, and checks it with {@link checkEnvelopeFields}. `args.value` and
 * `nonce` share memory with `bytes`. Throws UNSUPPORTED_VERSION, or ENVELOPE_INVALID naming the field.
 *
 * @example
 * ```ts
 * const { envelope } = authenticator.authenticate(method, frame);
 * const { tool, requestId } = readEnvelope(envelope);
 * ```
 */
export function readEnvelope(bytes: VerifiedBytes): Envelope {
  const envelope = emptyEnvelope();
  try {
    parse(new WireCursor(bytes), envelope);
  } catch (error) {
    if (!(error instanceof WireFormatError)) throw error;
    // Another version may have other fields, so an unsupported version is reported first.
    if (envelope.v !== "") checkVersion(envelope.v);
    throw new SealwireError("ENVELOPE_INVALID", `The envelope is not well-formed: ${error.message}.`);
  }
  checkEnvelopeFields(envelope);
  return envelope;
}

/**
 * Parses an unverified Envelope strictly, with varints in their shortest form, without checking the rules of its
 * fields. The result must only be used to re-encode it. Throws {@link WireFormatError}.
 */
export function parseUnverifiedEnvelope(bytes: Uint8Array): Envelope {
  const envelope = emptyEnvelope();
  parse(new WireCursor(bytes, true), envelope);
  return envelope;
}

/**
 * Checks the rules in the `.proto` of an Envelope without a second parse. Throws UNSUPPORTED_VERSION, or
 * ENVELOPE_INVALID naming the field.
 */
export function checkEnvelopeFields(envelope: Envelope): void {
  checkVersion(envelope.v);
  if (!PRINTABLE.test(envelope.requestId)) throw invalid("request_id", "must be 1 to 128 printable ASCII characters");
  if (envelope.tsMs <= 0n) throw invalid("ts_ms", "must be greater than 0");
  if (!PRINTABLE.test(envelope.clientId)) throw invalid("client_id", "must be 1 to 128 printable ASCII characters");
  if (!PRINTABLE.test(envelope.serverId)) throw invalid("server_id", "must be 1 to 128 printable ASCII characters");
  if (!TOOL_NAME.test(envelope.tool)) throw invalid("tool", "must be 1 to 128 of a-z, 0-9 and _, with a letter first");
  if (envelope.args === undefined) throw invalid("args", "must be set");
  const { length } = envelope.nonce;
  if (length < MIN_NONCE_BYTES || length > MAX_NONCE_BYTES) throw invalid("nonce", "must have 16 to 64 bytes");
  if (!DEFINITION_DIGEST.test(envelope.definitionDigest))
    throw invalid("definition_digest", "must be empty or 64 lower-case hex digits");
}

/** Checks the protocol version. Throws UNSUPPORTED_VERSION. */
export function checkVersion(v: string): void {
  if (v === PROTOCOL_VERSION) return;
  throw new SealwireError(
    "UNSUPPORTED_VERSION",
    `The envelope's v is not "${PROTOCOL_VERSION}", the only supported version.`,
  );
}

function invalid(field: string, rule: string): SealwireError {
  return new SealwireError("ENVELOPE_INVALID", `The envelope's ${field} ${rule}.`);
}

function emptyEnvelope(): Envelope {
  return {
    v: "",
    requestId: "",
    tsMs: 0n,
    clientId: "",
    serverId: "",
    tool: "",
    args: undefined,
    nonce: EMPTY,
    definitionDigest: "",
  };
}

function parse(cursor: WireCursor, envelope: Envelope): void {
  const end = cursor.bytes.length;
  let filled = 0;
  while (cursor.pos < end) {
    const tag = cursor.tag(end);
    const number = tag >>> 3;
    if (number > LAST_FIELD) throw new WireFormatError(`unknown field number ${number}`);
    if ((filled & (1 << number)) !== 0) throw new WireFormatError(`field number ${number} given twice`);
    filled |= 1 << number;
    if ((tag & 7) !== (number === 3 ? VARINT : LENGTH_DELIMITED)) {
      throw new WireFormatError(`wrong wire type in field number ${number}`);
    }
    readField(cursor, envelope, number, end);
  }
}

function readField(cursor: WireCursor, envelope: Envelope, number: number, end: number): void {
  switch (number) {
    case 1:
      envelope.v = readText(cursor, end);
      return;
    case 2:
      envelope.requestId = readText(cursor, end);
      return;
    case 3:
      cursor.varint(end);
      envelope.tsMs = BigInt.asIntN(64, (BigInt(cursor.hi) << 32n) | BigInt(cursor.lo));
      return;
    case 4:
      envelope.clientId = readText(cursor, end);
      return;
    case 5:
      envelope.serverId = readText(cursor, end);
      return;
    case 6:
      envelope.tool = readText(cursor, end);
      return;
    case 7:
      envelope.args = readAny(cursor, cursor.delimited(end));
      return;
    case 8:
      envelope.nonce = readBytes(cursor, end);
      return;
    default:
      envelope.definitionDigest = readText(cursor, end);
  }
}

function readAny(cursor: WireCursor, end: number): Any {
  const any: Any = { typeUrl: "", value: EMPTY };
  let filled = 0;
  while (cursor.pos < end) {
    const tag = cursor.tag(end);
    const number = tag >>> 3;
    if (number > 2) throw new WireFormatError(`unknown field number ${number} in args`);
    if ((filled & (1 << number)) !== 0) throw new WireFormatError(`field number ${number} of args given twice`);
    filled |= 1 << number;
    if ((tag & 7) !== LENGTH_DELIMITED) throw new WireFormatError(`wrong wire type in field number ${number} of args`);
    if (number === 1) any.typeUrl = readText(cursor, end);
    else any.value = readBytes(cursor, end);
  }
  return any;
}

function readText(cursor: WireCursor, end: number): string {
  const last = cursor.delimited(end);
  const start = cursor.pos;
  cursor.utf8(start, last);
  cursor.pos = last;
  return cursor.bytes.toString("utf8", start, last);
}

function readBytes(cursor: WireCursor, end: number): Uint8Array {
  const last = cursor.delimited(end);
  const start = cursor.pos;
  cursor.pos = last;
  return cursor.bytes.subarray(start, last);
}
