/** A colour sequence of picocolors, or any other control character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it matches control characters
const COLOR_OR_CONTROL = /(\u001b\[\d{1,3}m)|(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Removes all control characters except for colours and line breaks. */
export function harmlessLines(text: string): string {
  return text.replaceAll(COLOR_OR_CONTROL, (_, color?: string) => color ?? " ");
}

/** Converts an untrusted text to one line without control characters, which could move the cursor. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, " ").trim();
}
