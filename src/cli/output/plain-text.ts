/** A change of colour, as picocolors writes it, or what could do something else to a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const COLOR_OR_CONTROL = /(\u001b\[\d{1,3}m)|(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Makes lines harmless that are about to be shown: what is left of control characters are colours and line breaks. */
export function harmlessLines(text: string): string {
  return text.replaceAll(COLOR_OR_CONTROL, (_, color?: string) => color ?? " ");
}

/** Makes one harmless line of a text that somebody else wrote: control characters could move the cursor. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, " ").trim();
}
