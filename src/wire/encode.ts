import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** The encoder of one of our own message types. */
export interface Encoder<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
}

/** A writer that grew further than this is not kept. */
const MAX_KEPT_BYTES = 64 * 1024;

let spare: BinaryWriter | undefined;

/**
 * Serializes a message. A new writer starts small and has its buffer grown several times, which takes longer than to
 * encode the message; so one writer is used again and again.
 */
export function encodeMessage<T>(type: Encoder<T>, message: T): Uint8Array {
  const writer = spare ?? new BinaryWriter();
  // Not there for an encoder that is called meanwhile, nor kept half written if this one throws.
  spare = undefined;
  const bytes = type.encode(message, writer).finish();
  if (bytes.length <= MAX_KEPT_BYTES) spare = writer;
  return bytes;
}
