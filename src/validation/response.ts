import { Response, Status } from "../../gen/sealwire/v1/response.ts";
import { builtinImage, messageDesc } from "../wire/descriptors.ts";
import { PROTOCOL_VERSION } from "../wire/limits.ts";
import { checkStrict, StrictError } from "./strict.ts";
import type { VerifiedBytes } from "./verified-bytes.ts";

const OK: Readonly<Record<number, boolean>> = {
  [Status.OK]: true,
  [Status.ACCEPTED]: true,
  [Status.RUNNING]: true,
  [Status.DONE]: true,
  [Status.ERROR]: false,
  [Status.CANCELLED]: false,
};

/** What `ok` of a Response with this status must be; `undefined` for a status that is never sent. */
export function okOfStatus(status: Status): boolean | undefined {
  return OK[status];
}

/**
 * Reads a Response whose signature holds: a strict parse at every depth, which passes over fields that a newer server may
 * send, then the version, a known status and the `ok` that belongs to it. Throws {@link StrictError}.
 */
export function readResponse(bytes: VerifiedBytes): Response {
  checkStrict(bytes, messageDesc(builtinImage(), "sealwire.v1.Response"), { unknownFields: true });
  const response = Response.decode(bytes);
  if (response.v !== PROTOCOL_VERSION) throw new StrictError("v", "another protocol version");
  const ok = okOfStatus(response.status);
  if (ok === undefined) throw new StrictError("status", "not one that is sent");
  if (response.ok !== ok) throw new StrictError("ok", "does not agree with status");
  return response;
}
