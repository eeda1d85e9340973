import { readFile } from "node:fs/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { SealwireError } from "../errors.ts";
import { JsonTextError, parseJson } from "../signing/key-ring/json-text.ts";
import type { Terminal } from "./terminal.ts";

/** JSON.parse tells a reviver the digits of each number. */
type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;

/** Reads the bytes of a file, or of stdin for "-". Throws OPTIONS_INVALID if there is no such file. */
export async function readInput(terminal: Terminal, path: string): Promise<Buffer> {
  if (path === "-") return readAll(terminal.stdin);
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new SealwireError("OPTIONS_INVALID", `The file ${path} cannot be read (${code}).`, { cause });
  }
}

/**
 * Reads the arguments of a tool: JSON, `@FILE`, or `-` for stdin; nothing means `{}`. Throws ARGS_INVALID for text that is
 * no JSON, and for whole numbers that JSON numbers cannot hold.
 */
export async function readArguments(terminal: Terminal, source = "{}"): Promise<JsonValue> {
  const fromFile = source === "-" || source.startsWith("@");
  const bytes = fromFile ? await readInput(terminal, source.replace(/^@/, "")) : Buffer.from(source);
  try {
    const value = parseJson(bytes) as JsonValue;
    JSON.parse(bytes.toString(), refuseInexact as Reviver as (name: string, value: unknown) => unknown);
    return value;
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const place = fromFile ? source : "argument JSON";
    throw new SealwireError("ARGS_INVALID", `The ${place} ${error.message}; quote it for the shell, or use @FILE.`);
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An int64 beyond 2^53 would silently become another one. */
function refuseInexact(name: string, value: unknown, { source = "" }: { readonly source?: string }): unknown {
  const whole = typeof value === "number" && /^-?\d+$/.test(source) && !Number.isSafeInteger(value);
  if (!whole || String(value) === source || BigInt(source) === BigInt(value)) return value;
  const problem = `${name === "" ? "The number" : `The number in "${name}"`} is beyond what JSON numbers hold exactly`;
  throw new SealwireError("ARGS_INVALID", `${problem}; write it in quotes.`);
}
