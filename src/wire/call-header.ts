import { SealwireError } from "../errors.ts";
import { isTraceparent, isTracestate } from "./traceparent.ts";
import { LENGTH_DELIMITED, VARINT, WireCursor, WireFormatError } from "./wire-cursor.ts";

/**
 * Metadata key with which both sides of a CallStream negotiate headers and cancellations. The client sends the name of
 * its end of the connection ({@link sourceOf}); the server answers with a {@link StreamRoute}.
 */
export const CALL_HEADER_METADATA = "sealwire-call-header";

/** "direct": client and server share a connection. "relayed": a proxy between them may distribute the calls. */
export type StreamRoute = "direct" | "relayed";

/** The unsigned header of one call on a stream. */
export interface CallHeader {
  /** The caller's time limit in whole milliseconds, 1 to {@link MAX_CALL_TIMEOUT_MS}. */
  readonly timeoutMs: number | undefined;
  readonly traceparent: string | undefined;
  /** Only with `traceparent`. */
  readonly tracestate: string | undefined;
}

/** One message that a client sends on a stream with headers. */
export type StreamMessage =
  /** `frame` is the signed frame without the header. */
  | { readonly kind: "request"; readonly frame: Uint8Array; readonly header: CallHeader }
  /** `call`: number of the request on the stream, from 1. */
  | { readonly kind: "cancel"; readonly call: number };

/** Maximum time limit in a call header, in milliseconds. */
export const MAX_CALL_TIMEOUT_MS = 86_400_000;

const HEADER_TAG = (4 << 3) | LENGTH_DELIMITED;
const CANCEL_TAG = (5 << 3) | LENGTH_DELIMITED;
/** The tag of field 1, a varint, in CallHeader and in CancelCall. */
const FIRST_NUMBER_TAG = (1 << 3) | VARINT;
const TRACEPARENT_TAG = (2 << 3) | LENGTH_DELIMITED;
const TRACESTATE_TAG = (3 << 3) | LENGTH_DELIMITED;

/** The header of a call that has none. */
export const NO_HEADER: CallHeader = { timeoutMs: undefined, traceparent: undefined, tracestate: undefined };

/** The name of the client's end of a connection: its local port, or "unix". */
export function sourceOf(port: number | undefined): string {
  return port === undefined ? "unix" : String(port);
}

/**
 * Reads a message of a stream with headers. The frame is not parsed. The result shares memory with `bytes`. Throws
 * ENVELOPE_INVALID naming the field if the header or the cancellation is malformed.
 */
export function readStreamMessage(bytes: Uint8Array): StreamMessage {
  const cursor = new WireCursor(bytes, true);
  const end = cursor.bytes.length;
  let header: { readonly from: number; readonly to: number; readonly is: CallHeader } | undefined;
  try {
    while (cursor.pos < end) {
      const from = cursor.pos;
      const tag = cursor.tag(end);
      if (tag === CANCEL_TAG) return readCancel(cursor, from);
      if (tag === HEADER_TAG) {
        if (header !== undefined) throw malformed("header", "occurs twice; send it once");
        const is = readHeader(cursor, cursor.delimited(end));
        header = { from, to: cursor.pos, is };
      } else {
        cursor.skip(tag & 7, end);
      }
    }
  } catch (error) {
    if (!(error instanceof WireFormatError)) throw error;
    // The parser of the frame reports the same fault.
    return { kind: "request", frame: bytes, header: NO_HEADER };
  }
  if (header === undefined) return { kind: "request", frame: bytes, header: NO_HEADER };
  return { kind: "request", frame: without(cursor.bytes, header), header: header.is };
}

/** Adds a header to a frame. */
export function withCallHeader(frame: Buffer, { timeoutMs, traceparent, tracestate }: CallHeader): Buffer {
  const timeBytes = timeoutMs === undefined ? 0 : 1 + varintBytes(timeoutMs);
  const traceBytes = traceparent === undefined ? 0 : textBytes(traceparent) + textBytes(tracestate);
  const size = timeBytes + traceBytes;
  if (size === 0) return frame;
  const out = Buffer.allocUnsafe(frame.length + 1 + varintBytes(size) + size);
  out.set(frame);
  let pos = frame.length;
  out[pos++] = HEADER_TAG;
  pos = writeVarint(out, pos, size);
  if (timeoutMs !== undefined) {
    out[pos++] = FIRST_NUMBER_TAG;
    pos = writeVarint(out, pos, timeoutMs);
  }
  if (traceparent !== undefined) {
    pos = writeText(out, pos, TRACEPARENT_TAG, traceparent);
    if (tracestate !== undefined) writeText(out, pos, TRACESTATE_TAG, tracestate);
  }
  return out;
}

/** The message that cancels one request of the stream, by its number from 1. */
export function writeCancelCall(call: number): Buffer {
  const size = 1 + varintBytes(call);
  const out = Buffer.allocUnsafe(2 + size);
  out[0] = CANCEL_TAG;
  out[1] = size;
  out[2] = FIRST_NUMBER_TAG;
  writeVarint(out, 3, call);
  return out;
}

function readHeader(cursor: WireCursor, end: number): CallHeader {
  let timeoutMs: number | undefined;
  let traceparent = "";
  let tracestate = "";
  try {
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      if (tag === FIRST_NUMBER_TAG) timeoutMs = readTimeout(cursor, end);
      else if (tag === TRACEPARENT_TAG) traceparent = readText(cursor, end);
      else if (tag === TRACESTATE_TAG) tracestate = readText(cursor, end);
      else throw malformed("header", `has the unknown field ${tag >>> 3}; leave it out`);
    }
  } catch (error) {
    throw inField("header", error);
  }
  if (!isTraceparent(traceparent)) return { ...NO_HEADER, timeoutMs };
  return { timeoutMs, traceparent, tracestate: isTracestate(tracestate) ? tracestate : undefined };
}

function readText(cursor: WireCursor, end: number): string {
  const last = cursor.delimited(end);
  const text = cursor.bytes.toString("latin1", cursor.pos, last);
  cursor.pos = last;
  return text;
}

function readTimeout(cursor: WireCursor, end: number): number | undefined {
  cursor.varint(end);
  if (cursor.hi !== 0 || cursor.lo > MAX_CALL_TIMEOUT_MS) {
    throw malformed("header.timeout_ms", `is out of range; give 1 to ${MAX_CALL_TIMEOUT_MS}, or none`);
  }
  return cursor.lo === 0 ? undefined : cursor.lo;
}

/** A message with a cancellation must not contain other fields. `from` is the start of the cancellation's field. */
function readCancel(cursor: WireCursor, from: number): StreamMessage {
  const whole = cursor.bytes.length;
  let call: number | undefined;
  try {
    const end = cursor.delimited(whole);
    if (from !== 0 || end !== whole) throw malformed("cancel", "is not the only field; send it as a separate message");
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      if (tag !== FIRST_NUMBER_TAG) throw malformed("cancel", `has the unknown field ${tag >>> 3}; leave it out`);
      if (call !== undefined) throw malformed("cancel", "names more than one call; send one at a time");
      cursor.varint(end);
      call = cursor.hi * 2 ** 32 + cursor.lo;
    }
  } catch (error) {
    throw inField("cancel", error);
  }
  return { kind: "cancel", call: call ?? 0 };
}

function without(bytes: Buffer, { from, to }: { readonly from: number; readonly to: number }): Buffer {
  if (to === bytes.length) return bytes.subarray(0, from);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function inField(field: string, error: unknown): unknown {
  return error instanceof WireFormatError ? malformed(field, `is malformed: ${error.message}`) : error;
}

function malformed(field: string, problem: string): SealwireError {
  return new SealwireError("ENVELOPE_INVALID", `The field ${field} of a message on the stream ${problem}.`);
}

/** Size of a field with a text of ASCII characters; 0 without one. */
function textBytes(text: string | undefined): number {
  return text === undefined ? 0 : 1 + varintBytes(text.length) + text.length;
}

function writeText(out: Buffer, at: number, tag: number, text: string): number {
  out[at] = tag;
  const pos = writeVarint(out, at + 1, text.length);
  return pos + out.write(text, pos, "latin1");
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

function writeVarint(out: Buffer, at: number, value: number): number {
  let pos = at;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[pos++] = (rest % 0x80) | 0x80;
  out[pos++] = rest;
  return pos;
}
