import { pae } from "../../src/signing/pae.ts";
import { CALL_METHOD as METHOD } from "../../src/wire/limits.ts";
import { encode, group } from "./request-case.ts";

const ENVELOPE = encode();
const SIZE = ENVELOPE.length;
const written = (text: string) => Buffer.concat([Buffer.from(text), ENVELOPE]);

/** Each boundary between two parts moved by a byte either way, and lengths written otherwise. */
export const BOUNDARY_SHIFTS = group("SigningInput", "SIGNATURE_INVALID", [
  { comment: "a byte moved from label to method", input: pae("reques", `t${METHOD}`, "key-1", ENVELOPE) },
  { comment: "a byte moved from method to label", input: pae("request/", METHOD.slice(1), "key-1", ENVELOPE) },
  { comment: "a byte moved from method to key id", input: pae("request", METHOD.slice(0, -1), "lkey-1", ENVELOPE) },
  { comment: "a byte moved from key id to envelope", input: pae("request", METHOD, "key-", written("1")) },
  { comment: "the key id joined to the method", input: pae("request", `${METHOD}key-1`, ENVELOPE) },
  { comment: "an empty part in front", input: pae("", "request", METHOD, "key-1", ENVELOPE) },
  { comment: "the number of parts missing", input: written(`mcp/0.1 7 request 29 ${METHOD} 5 key-1 ${SIZE} `) },
  { comment: "a length with a leading zero", input: written(`mcp/0.1 4 7 request 29 ${METHOD} 05 key-1 ${SIZE} `) },
  { comment: "a length in hex", input: written(`mcp/0.1 4 7 request 1d ${METHOD} 5 key-1 ${SIZE.toString(16)} `) },
  { comment: "a length too large by one", input: written(`mcp/0.1 4 7 request 29 ${METHOD} 5 key-1 ${SIZE + 1} `) },
  { comment: "commas in place of spaces", input: written(`mcp/0.1,4,7,request,29,${METHOD},5,key-1,${SIZE},`) },
  {
    comment: "a space at the end",
    input: Buffer.concat([pae("request", METHOD, "key-1", ENVELOPE), Buffer.from(" ")]),
  },
]);
