import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SealwireError } from "../../errors.ts";
import type { ToolImplementation } from "../../tools/implement.ts";
import { errorPosition } from "./error-place.ts";

/** The exports of a `--tools` module, by name or as properties of its default export. */
export interface ToolsModule {
  /** The results of `implement`. */
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets of the tools' contracts. */
  readonly descriptors: readonly Uint8Array[];
}

const SEE_README = "Fix its exports; the README shows what a module looks like.";

/** Loads a tools module by its path. Throws OPTIONS_INVALID if it cannot be loaded or has invalid exports. */
export async function loadToolsModule(path: string): Promise<ToolsModule> {
  const file = resolve(path);
  if (!existsSync(file))
    throw refused(path, `${file} does not exist`, "Check the path; it is relative to the current folder.");
  const module = await importModule(path, pathToFileURL(file).href);
  const { tools, descriptors } = "tools" in module ? module : asObject(module.default);
  if (!Array.isArray(tools) || !tools.every(isImplementation)) {
    throw refused(path, "it must export `tools`, a list of what implement(…) returns", SEE_README);
  }
  if (!Array.isArray(descriptors) || !descriptors.every((each) => each instanceof Uint8Array)) {
    throw refused(path, "it must export `descriptors`, a list of serialized FileDescriptorSets", SEE_README);
  }
  return { tools, descriptors };
}

async function importModule(path: string, url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    throw await loadFailed(path, url, cause);
  }
}

/** The error for a module that cannot be loaded, with the position of the fault, which may be in an imported file. */
async function loadFailed(path: string, url: string, cause: unknown): Promise<SealwireError> {
  const problem = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const place = cause instanceof Error ? await errorPosition(cause, url) : undefined;
  const where = place === undefined ? "" : `${place}: `;
  return new SealwireError(
    "OPTIONS_INVALID",
    `The tools module ${path} cannot be loaded: ${where}${oneSentence(problem)}\nCorrect it there; SEALWIRE_DEBUG=1 shows the whole stack.`,
    { cause },
  );
}

function oneSentence(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ").trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isImplementation(value: unknown): value is ToolImplementation {
  const { definition, handlers } = asObject(value);
  return typeof definition === "object" && handlers instanceof Map;
}

function refused(path: string, problem: string, toDo: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The tools module ${path} cannot be used: ${problem}.\n${toDo}`);
}
