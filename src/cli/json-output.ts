/** What `JSON.rawJSON` makes, which JSON.stringify writes as it is; newer than TypeScript's library types. */
type RawJson = (text: string) => unknown;

const { rawJSON } = JSON as unknown as { readonly rawJSON: RawJson };
const NEGATIVE_ZERO = rawJSON("-0");

/** Writes JSON on one line. Unlike JSON.stringify alone it keeps -0, without which a signature would not hold. */
export function toJsonLine(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) => (Object.is(each, -0) ? NEGATIVE_ZERO : each));
}
