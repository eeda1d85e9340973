const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** True if the text is a W3C traceparent of version 00, or of another version with the same fields. */
export function isTraceparent(text: string): boolean {
  return TRACEPARENT.test(text);
}
