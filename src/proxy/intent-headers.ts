import type { IncomingHttpHeaders } from "node:http2";
import { CANCEL_ON_ABANDON, REQUEST_ID } from "../client/native/call-metadata.ts";
import { SealwireError } from "../errors.ts";

/**
 * Checks what `readIntent` cannot see, because grpc-js drops metadata with other characters. The call would get
 * a request id that its caller does not know. Throws ENVELOPE_INVALID naming the key.
 */
export function checkIntentHeaders(headers: IncomingHttpHeaders): void {
  for (const key of [REQUEST_ID, CANCEL_ON_ABANDON]) {
    if (/^[ -~]*$/.test(String(headers[key] ?? ""))) continue;
    throw new SealwireError("ENVELOPE_INVALID", `The metadata ${key} must be printable ASCII.`);
  }
}
