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

/** The required value of `ok` in a Response with this status; `undefined` for a status that is never sent. */
export function okOfStatus(status: Status): boolean | undefined {
  return OK[status];
}

/**
 * Parses a verified Response strictly at every depth and ignores unknown fields, which a newer server may send. Then
 * checks the version, the status and the value of `ok`. Throws {@link StrictError}.
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
