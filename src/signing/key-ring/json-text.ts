/** A JSON text that is not acceptable. Never quotes the text, which may hold secrets. */
export class JsonTextError extends Error {
  override readonly name = "JsonTextError";
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/**
 * Parses the bytes of a JSON file. Unlike `JSON.parse` it refuses bad UTF-8 and a name that stands twice in one
 * object, where the second would silently win. Throws {@link JsonTextError}.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  const value = parse(text);
  refuseRepeatedNames(text);
  return value;
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
function refuseRepeatedNames(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let lastString = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const names = open.at(-1);
      const name = JSON.parse(lastString) as string;
      if (names?.has(name)) throw new JsonTextError(`has the name ${JSON.stringify(name)} twice in one object`);
      names?.add(name);
    } else lastString = token;
  }
}
