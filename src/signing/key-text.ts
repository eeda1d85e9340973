import { SealwireError } from "../errors.ts";

const REQUEST_PREFIX = "sws_";
const RESPONSE_PREFIX = "swr_";
const MIN_BYTES = 32;
const MAX_BYTES = 1024;

/**
 * Formats a request key as text: "sws_" and base64url without padding.
 *
 * @example
 * ```ts
 * const text = formatRequestKey(deriveRequestKey(serverSecret, "shop", keyId)); // "sws_…"
 * ```
 */
export function formatRequestKey(bytes: Uint8Array): string {
  return format(REQUEST_PREFIX, bytes);
}

/**
 * Parses the text form of a request key, 32 to 1024 bytes. Throws OPTIONS_INVALID, which does not contain the text.
 *
 * @example
 * ```ts
 * const requestKey = macKey(parseRequestKey(text));
 * ```
 */
export function parseRequestKey(text: string): Buffer {
  return parse(REQUEST_PREFIX, "request key", text);
}

/**
 * Formats a response key as text: "swr_" and base64url without padding.
 *
 * @example
 * ```ts
 * const text = formatResponseKey(deriveResponseKey(serverSecret, "shop", keyId)); // "swr_…"
 * ```
 */
export function formatResponseKey(bytes: Uint8Array): string {
  return format(RESPONSE_PREFIX, bytes);
}

/**
 * Parses the text form of a response key, 32 to 1024 bytes. Throws OPTIONS_INVALID, which does not contain the text.
 *
 * @example
 * ```ts
 * const responseKey = macKey(parseResponseKey(text));
 * ```
 */
export function parseResponseKey(text: string): Buffer {
  return parse(RESPONSE_PREFIX, "response key", text);
}

function format(prefix: string, bytes: Uint8Array): string {
  return prefix + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}

function parse(prefix: string, name: string, text: string): Buffer {
  if (!text.startsWith(prefix)) {
    throw new SealwireError("OPTIONS_INVALID", `The ${name} must start with "${prefix}"; copy it whole.`);
  }
  const digits = text.slice(prefix.length);
  const bytes = Buffer.from(digits, "base64url");
  // Node skips characters that are not base64url. The round trip detects them.
  if (bytes.toString("base64url") !== digits) {
    throw new SealwireError("OPTIONS_INVALID", `The ${name} is not base64url without padding; copy it whole.`);
  }
  if (bytes.length < MIN_BYTES || bytes.length > MAX_BYTES) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The ${name} has ${bytes.length} bytes; it must have ${MIN_BYTES} to ${MAX_BYTES}.`,
    );
  }
  return bytes;
}
