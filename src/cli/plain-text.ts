/** Makes one harmless line of a text that somebody else wrote: control characters could move the cursor. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, " ").trim();
}
