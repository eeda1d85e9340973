import { SealwireError } from "../errors.ts";
import { LENGTH_DELIMITED, WireCursor, WireFormatError } from "./wire-cursor.ts";

/**
 * The wire form of CallRequest, CallResponse, WatchJobRequest and WatchJobResponse. The embedded message stays
 * serialized, because the signature covers exactly these bytes. Nothing in a frame is verified.
 */
export interface Frame {
  /** Serialized Envelope or Response. Must not be parsed before its signature is verified. */
  readonly content: Uint8Array;
  /** 1 to 128 printable ASCII characters. */
  readonly keyId: string;
  /** HMAC-SHA256: 32 bytes. */
  readonly signature: Uint8Array;
}

/** Length of a frame's signature. */
export const SIGNATURE_BYTES = 32;

const MAX_KEY_ID_BYTES = 128;
const CONTENT_TAG = (1 << 3) | LENGTH_DELIMITED;
const KEY_ID_TAG = (2 << 3) | LENGTH_DELIMITED;
const SIGNATURE_TAG = (3 << 3) | LENGTH_DELIMITED;

/**
 * Parses a frame strictly: the three fields, each once, lengths in their shortest form, nothing else. The result shares
 * memory with `bytes`. Throws SIGNATURE_INVALID with a fixed text; the cause is a string that describes the fault.
 */
export function readFrame(bytes: Uint8Array): Frame {
  try {
    return parse(new WireCursor(bytes, true));
  } catch (error) {
    if (!(error instanceof WireFormatError)) throw error;
    throw new SealwireError("SIGNATURE_INVALID", undefined, { cause: `frame: ${error.message}` });
  }
}

/** Serializes a frame. */
export function writeFrame(frame: Frame): Buffer {
  const { content, keyId, signature } = frame;
  const keyIdBytes = Buffer.byteLength(keyId);
  const size = fieldSize(content.length) + fieldSize(keyIdBytes) + fieldSize(signature.length);
  const out = Buffer.allocUnsafe(size);
  let pos = writeHead(out, 0, CONTENT_TAG, content.length);
  out.set(content, pos);
  pos = writeHead(out, pos + content.length, KEY_ID_TAG, keyIdBytes);
  pos += out.write(keyId, pos);
  pos = writeHead(out, pos, SIGNATURE_TAG, signature.length);
  out.set(signature, pos);
  return out;
}

function parse(cursor: WireCursor): Frame {
  const { bytes } = cursor;
  let content: Uint8Array | undefined;
  let keyId: string | undefined;
  let signature: Uint8Array | undefined;
  while (cursor.pos < bytes.length) {
    const tag = cursor.tag(bytes.length);
    if (tag !== CONTENT_TAG && tag !== KEY_ID_TAG && tag !== SIGNATURE_TAG) throw new WireFormatError("unknown field");
    const end = cursor.delimited(bytes.length);
    const start = cursor.pos;
    cursor.pos = end;
    if (tag === CONTENT_TAG) {
      if (content !== undefined) throw new WireFormatError("duplicated field");
      content = bytes.subarray(start, end);
    } else if (tag === KEY_ID_TAG) {
      if (keyId !== undefined) throw new WireFormatError("duplicated field");
      keyId = readKeyId(bytes, start, end);
    } else {
      if (signature !== undefined) throw new WireFormatError("duplicated field");
      if (end - start !== SIGNATURE_BYTES) throw new WireFormatError("signature of a wrong length");
      signature = bytes.subarray(start, end);
    }
  }
  if (content === undefined || keyId === undefined || signature === undefined)
    throw new WireFormatError("missing field");
  return { content, keyId, signature };
}

function readKeyId(bytes: Buffer, start: number, end: number): string {
  if (end - start < 1 || end - start > MAX_KEY_ID_BYTES) throw new WireFormatError("key id of a wrong length");
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x21 || byte > 0x7e) throw new WireFormatError("key id with other than printable ASCII");
  }
  return bytes.toString("latin1", start, end);
}

/** The encoded size of a length-delimited field with a number below 16 and a value of `length` bytes. */
export function fieldSize(length: number): number {
  let size = 2 + length;
  for (let rest = length >>> 7; rest !== 0; rest >>>= 7) size += 1;
  return size;
}

function writeHead(out: Buffer, at: number, tag: number, length: number): number {
  let pos = at;
  out[pos++] = tag;
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) out[pos++] = (rest & 0x7f) | 0x80;
  out[pos++] = rest;
  return pos;
}
