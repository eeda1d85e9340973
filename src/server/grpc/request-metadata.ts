import type { Metadata } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import { MAX_METADATA_BYTES } from "../../wire/limits.ts";

/** True if a call's metadata exceeds the size limit. */
export function exceedsLimit(metadata: Metadata): boolean {
  let bytes = 0;
  for (const [key, values] of Object.entries(metadata.toHttp2Headers())) {
    for (const value of Array.isArray(values) ? values : [values]) bytes += key.length + String(value ?? "").length;
  }
  return bytes > MAX_METADATA_BYTES;
}

/** The refusal of metadata that is too large. */
export function metadataTooLarge(): SealwireError {
  return new SealwireError("QUOTA_EXCEEDED", `The metadata exceeds ${MAX_METADATA_BYTES} bytes; send less of it.`, {
    retryable: false,
  });
}
