/** What `JSON.rawJSON` makes, which JSON.stringify writes as it is; newer than TypeScript's library types. */
type RawJson = (text: string) => unknown;

const { rawJSON } = JSON as unknown as { readonly rawJSON: RawJson };
const NEGATIVE_ZERO = rawJSON("-0");

/** What moves a terminal's cursor or turns text around: C1 and DEL, which JSON.stringify leaves as they are, and bidi controls. */
const UNSAFE = /[\u007F-\u009F\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * Writes JSON on one line. Unlike JSON.stringify alone it keeps -0, without which a signature would not hold, and escapes
 * every character that could do something to a terminal.
 */
export function toJsonLine(value: unknown): string {
  const json = JSON.stringify(value, (_name, each: unknown) => (Object.is(each, -0) ? NEGATIVE_ZERO : each));
  // Such characters stand in strings only, and there an escape means the same.
  return json.replaceAll(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
