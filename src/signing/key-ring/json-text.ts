/** A JSON text that is not acceptable. Never quotes the text, which may hold secrets. */
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
    throw new JsonTextError("is not UTF-8 text");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // V8 quotes the text around the fault in its message: only the place is taken over.
    const place = /\(line (\d+) column (\d+)\)/.exec(String(error));
    throw new JsonTextError(place ? `is not valid JSON at line ${place[1]}, column ${place[2]}` : "is not valid JSON");
  }
}

/** Expects text that JSON.parse has accepted. */
function checkStructure(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let lastString = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token[0] === '"') lastString = token;
    if (open.length > MAX_LEVELS) throw new JsonTextError(`is nested more than ${MAX_LEVELS} levels deep`);
    if (token === ":") {
      const names = open.at(-1);
      const name = JSON.parse(lastString) as string;
      if (names?.has(name)) throw new JsonTextError(`has the name ${JSON.stringify(name)} twice in one object`);
      names?.add(name);
    }
  }
}
