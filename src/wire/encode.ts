import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** The generated encoder of a message type. */
export interface Encoder<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
}

/** A writer with a larger buffer is not reused. */
const MAX_KEPT_BYTES = 64 * 1024;

let spare: BinaryWriter | undefined;

/**
 * Serializes a message. The writer is reused, because growing the small buffer of a new one takes longer than encoding.
 */
export function encodeMessage<T>(type: Encoder<T>, message: T): Uint8Array {
  const writer = spare ?? new BinaryWriter();
  // Taken out during encoding, so that a nested call does not share it and a failed encoding does not leave it half
  // written.
  spare = undefined;
  const bytes = type.encode(message, writer).finish();
  if (bytes.length <= MAX_KEPT_BYTES) spare = writer;
  return bytes;
}
