import { harmlessJson } from "../../files/json-text.ts";
import type { Terminal } from "./terminal.ts";

/** `JSON.rawJSON`, whose result JSON.stringify writes unchanged. TypeScript's library types do not include it yet. */
type RawJson = (text: string) => unknown;

const { rawJSON } = JSON as unknown as { readonly rawJSON: RawJson };
const NEGATIVE_ZERO = rawJSON("-0");

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
  return harmlessJson(json);
}
