import { readFile } from "node:fs/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { SealwireError } from "../../errors.ts";
import { JsonTextError, parseJson, type Reviver } from "../../files/json-text.ts";
import type { Terminal } from "../output/terminal.ts";

/**
 * Reads a file, or stdin for "-". If stdin is a terminal, prints that `what` is expected. Throws OPTIONS_INVALID if the
 * file cannot be read.
 */
export async function readInput(terminal: Terminal, path: string, what = "input"): Promise<Buffer> {
  if (path === "-") {
    if (terminal.typed) terminal.say(`Waiting for ${what} on stdin; end it with Ctrl-D on a line of its own.`);
    return readAll(terminal.stdin);
  }
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new SealwireError("OPTIONS_INVALID", `The file ${path} cannot be read (${code}).`, { cause });
  }
}

/**
 * Reads the arguments of a tool: JSON, `@FILE`, or `-` for stdin; default `{}`. Throws OPTIONS_INVALID with the
 * position for invalid JSON, and ARGS_INVALID with the field's path for a number that JSON cannot represent exactly.
 */
export async function readArguments(terminal: Terminal, source = "{}"): Promise<JsonValue> {
  const fromFile = source === "-" || source.startsWith("@");
  const bytes = fromFile
    ? await readInput(terminal, source.replace(/^@/, ""), "the arguments as JSON")
    : Buffer.from(source);
  try {
    const json = parseJson(bytes, markInexact) as JsonValue;
    refuseInexact(json, "");
    return json;
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const place = fromFile
      ? source === "-"
        ? "The input on stdin"
        : `The file ${source.slice(1)}`
      : "The JSON argument";
    const toDo = fromFile ? "" : "\nPut it in single quotes for the shell, or give @FILE.";
    throw new SealwireError("OPTIONS_INVALID", `${place} ${error.message}.${toDo}`, { cause: error });
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Marks a number that would lose precision. */
class InexactNumber {}

/**
 * Detects numbers that change when parsed: whole numbers beyond 2^53 lose digits, and numbers beyond the range of a
 * double become infinite. Digits that are the shortest form of their double, followed by zeros, are accepted, because
 * JSON writers produce them.
 */
const markInexact: Reviver = (_name, value, { source = "" }) => {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const [, whole] = /^(-?\d+)(?:\.0*)?$/.exec(source) ?? [];
  const isKept = whole === undefined || whole === String(value);
  return Number.isFinite(value) && (isKept || BigInt(whole) === BigInt(value)) ? value : new InexactNumber();
};

function refuseInexact(value: unknown, path: string): void {
  if (value instanceof InexactNumber) {
    const problem = `${path === "" ? "The number" : `${path}: the number`} cannot be represented exactly as a JSON number`;
    throw new SealwireError("ARGS_INVALID", `${problem}; write it in quotes.`);
  }
  if (Array.isArray(value)) for (const [index, each] of value.entries()) refuseInexact(each, `${path}[${index}]`);
  else if (typeof value === "object" && value !== null) {
    for (const [name, each] of Object.entries(value)) refuseInexact(each, path === "" ? name : `${path}.${name}`);
  }
}
