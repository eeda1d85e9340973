import { jsonFault, placeOf, textBefore } from "./json-fault.ts";

/** A JSON text that is not acceptable, and where. Never quotes the text, which may hold secrets. */
export class JsonTextError extends Error {
  override readonly name = "JsonTextError";
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/** Objects and lists inside each other; no message that a server reads has more (docs/protocol.md, Limits). */
const MAX_LEVELS = 100;

/** Looks at a value as `JSON.parse` does with its reviver, which is told the digits of each number. */
export type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;

/**
 * Parses the bytes of a JSON text; a byte order mark is passed over. Unlike `JSON.parse` it refuses bad UTF-8, a name that
 * stands twice in one object, where the second would silently win, and more than 100 levels. Throws {@link JsonTextError},
 * and what `reviver` throws.
 */
export function parseJson(bytes: Uint8Array, reviver?: Reviver): unknown {
  const text = decode(bytes);
  const value = parse(text);
  checkStructure(text);
  return reviver === undefined ? value : JSON.parse(text, reviver as (name: string, value: unknown) => unknown);
}

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    const before = textBefore(bytes);
    throw new JsonTextError(`is not UTF-8 text at ${placeOf(before, before.length)}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // V8 quotes the text around the fault in its message, and does not always tell the place.
    throw new JsonTextError(`is not valid JSON at ${placeOf(text, jsonFault(text))}`);
  }
}

/** Expects text that JSON.parse has accepted. */
function checkStructure(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let lastString = "";
  let lastIndex = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token[0] === '"') [lastString, lastIndex] = [token, index];
    if (open.length > MAX_LEVELS) {
      throw new JsonTextError(`is nested more than ${MAX_LEVELS} levels deep at ${placeOf(text, index)}`);
    }
    if (token === ":") {
      const names = open.at(-1);
      const name = JSON.parse(lastString) as string;
      if (names?.has(name)) {
        const again = `has the name ${JSON.stringify(name)} twice in one object`;
        throw new JsonTextError(`${again}, again at ${placeOf(text, lastIndex)}`);
      }
      names?.add(name);
    }
  }
}
