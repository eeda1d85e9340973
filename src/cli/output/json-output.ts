import type { Terminal } from "./terminal.ts";

/** `JSON.rawJSON`, whose result JSON.stringify writes unchanged. TypeScript's library types do not include it yet. */
type RawJson = (text: string) => unknown;

const { rawJSON } = JSON as unknown as { readonly rawJSON: RawJson };
const NEGATIVE_ZERO = rawJSON("-0");

/**
 * Characters that affect a terminal and that JSON.stringify does not escape: C1 controls, DEL and bidirectional
 * controls.
 */
const UNSAFE = /[\u007F-\u009F\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * Formats JSON on one line. Unlike JSON.stringify it preserves -0, which signatures cover, and escapes every character
 * that affects a terminal.
 */
export function toJsonLine(value: unknown): string {
  return toJsonText(value, 0);
}

/** Formats JSON as {@link toJsonLine} does, for a terminal on indented lines. */
export function toShownJson({ dataColumns }: Pick<Terminal, "dataColumns">, value: unknown): string {
  return toJsonText(value, dataColumns === undefined ? 0 : 2);
}

function toJsonText(value: unknown, indent: number): string {
  const json = JSON.stringify(value, (_name, each: unknown) => (Object.is(each, -0) ? NEGATIVE_ZERO : each), indent);
  // Such characters occur in strings only, where an escape is equivalent.
  return json.replaceAll(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
