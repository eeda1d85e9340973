import { fromBinary } from "@bufbuild/protobuf";
import { toLenientJson } from "../../validation/lenient-json.ts";
import { builtinImage, messageDesc } from "../../wire/descriptors.ts";
import { toJsonLine } from "./json-output.ts";

/**
 * A message of Sealwire's contract as ProtoJSON on one line. A message inside an Any whose type is not in that contract
 * is written as its bytes in base64.
 */
export function messageLine(typeName: string, bytes: Uint8Array): string {
  const desc = messageDesc(builtinImage(), typeName);
  return toJsonLine(toLenientJson(desc, fromBinary(desc, bytes), builtinImage().registry));
}
