import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { SealwireError } from "../../errors.ts";
import { parseJson } from "../../files/json-text.ts";
import { builtinImage, type Image, messageDesc } from "../../wire/descriptors.ts";

const OPENING_BRACE = 0x7b;

/**
 * Parses a signed request: the binary frame, or the ProtoJSON that `sealwire sign` prints. CallRequest and
 * WatchJobRequest have the same fields. Throws OPTIONS_INVALID for JSON that is not a request.
 */
export function readRequest(bytes: Uint8Array, image: Image): Uint8Array {
  const json = readJson(bytes);
  if (json === undefined) return bytes;
  const desc = messageDesc(builtinImage(), "sealwire.v1.CallRequest");
  try {
    return toBinary(desc, fromJson(desc, json, { registry: image.registry }));
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    const toDo = "Give the complete output of `sealwire sign`, and --descriptors FILE for tools that are not built in.";
    throw new SealwireError("OPTIONS_INVALID", `The JSON is not a signed request: ${problem}.\n${toDo}`, { cause });
  }
}

/** A binary frame is never valid JSON, because it contains the 32 bytes of a signature. */
function readJson(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseJson(bytes) as JsonValue;
  } catch (cause) {
    if (bytes[0] !== OPENING_BRACE) return undefined;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new SealwireError("OPTIONS_INVALID", `The request ${problem}.\nGive the complete output of sealwire sign.`, {
      cause,
    });
  }
}
