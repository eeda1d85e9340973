/** The pattern of standard base64 with padding. */
export const BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";

const DAY = "(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
const TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?";
const OFFSET = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";

/**
 * The pattern of the times that every ProtoJSON parser accepts: from the year 1000 to 9899 with any offset, so that no
 * offset leaves the range of a Timestamp, and its last second, which stands for "never".
 */
export const TIMESTAMP = `^(?:(?:[1-8][0-9]{3}|9[0-8][0-9]{2})-${DAY}T${TIME}${OFFSET}|9999-12-31T23:59:59Z)$`;

/** The pattern of time spans of up to 11 digits of seconds. A Duration has at most 10,000 years, which are 12 digits. */
export const DURATION = "^-?(?:0|[1-9][0-9]{0,10})(?:\\.[0-9]{1,9})?s$";

/** The pattern of a FieldMask: paths in lowerCamelCase. */
export const FIELD_MASK = "^(?:[a-z][A-Za-z0-9.]*(?:,[a-z][A-Za-z0-9.]*)*)?$";

/** The pattern that matches a text literally. */
export function literalPattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/**
 * True if a pattern in the syntax of RE2 is also one of ECMAScript, with the same meaning as far as a schema needs it.
 * With the flag `u`, ECMAScript refuses escapes, classes and groups that only RE2 has. Groups with flags are valid in
 * some versions only.
 */
export function isPortable(pattern: string): boolean {
  if (/\(\?[^:<]/.test(pattern)) return false;
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}
