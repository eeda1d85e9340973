import { jsonFault, lineAndColumn, textBefore } from "./json-fault.ts";

/** An invalid JSON text, with the position of the fault. Never quotes the text, which may hold secrets. */
export class JsonTextError extends Error {
  override readonly name = "JsonTextError";
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/**
 * Maximum nesting of objects and lists. No message that a server accepts is nested deeper (docs/protocol.md, Limits).
 */
const MAX_LEVELS = 100;

/** A reviver as for `JSON.parse`. The context holds the source text of each number. */
export type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;

/**
 * Parses the bytes of a JSON text and skips a byte order mark. Unlike `JSON.parse` it refuses invalid UTF-8, a
 * duplicate name in an object and more than 100 levels. Throws {@link JsonTextError} and the errors of `reviver`.
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
    throw new JsonTextError(`is not UTF-8 text at ${lineAndColumn(before, before.length)}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // V8's message quotes the text around the fault and does not always give its position.
    throw new JsonTextError(`is not valid JSON at ${lineAndColumn(text, jsonFault(text))}`);
  }
}

/** Checks nesting and duplicate names of a text that `JSON.parse` has accepted. */
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
      throw new JsonTextError(`is nested more than ${MAX_LEVELS} levels deep at ${lineAndColumn(text, index)}`);
    }
    if (token === ":") {
      const names = open.at(-1);
      const name = JSON.parse(lastString) as string;
      if (names?.has(name)) {
        const again = `has the name ${JSON.stringify(name)} twice in one object`;
        throw new JsonTextError(`${again}, again at ${lineAndColumn(text, lastIndex)}`);
      }
      names?.add(name);
    }
  }
}

/**
 * Characters that affect a terminal and that JSON.stringify does not escape: C1 controls, DEL and bidirectional
 * controls.
 */
const UNSAFE = /[\u007F-\u009F\p{Bidi_Control}\u2028\u2029]/gu;

/** Escapes every character of a JSON text that affects a terminal. */
export function harmlessJson(json: string): string {
  // Most texts are ASCII, which is found in a fifth of the time.
  if (Buffer.byteLength(json) === json.length && !json.includes("\u007f")) return json;
  // Such characters occur in strings only, where an escape is equivalent.
  return json.replaceAll(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
