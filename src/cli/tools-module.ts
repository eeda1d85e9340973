import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SealwireError } from "../errors.ts";
import type { ToolImplementation } from "../tools/implement.ts";

/** What a `--tools` module exports, by name or as properties of its default export. */
export interface ToolsModule {
  /** Made by `implement`. */
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets of their contracts. */
  readonly descriptors: readonly Uint8Array[];
}

/** Loads a module of tools by its path. Throws OPTIONS_INVALID if it cannot be loaded or exports something else. */
export async function loadToolsModule(path: string): Promise<ToolsModule> {
  const file = resolve(path);
  if (!existsSync(file)) throw refused(path, `${file} does not exist`, undefined);
  const module = await importModule(path, pathToFileURL(file).href);
  const { tools, descriptors } = "tools" in module ? module : asObject(module.default);
  if (!Array.isArray(tools) || !tools.every(isImplementation)) {
    throw refused(path, "it must export `tools`, a list of what implement(…) returns", undefined);
  }
  if (!Array.isArray(descriptors) || !descriptors.every((each) => each instanceof Uint8Array)) {
    throw refused(path, "it must export `descriptors`, a list of serialized FileDescriptorSets", undefined);
  }
  return { tools, descriptors };
}

async function importModule(path: string, url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    throw refused(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isImplementation(value: unknown): value is ToolImplementation {
  const { definition, handlers } = asObject(value);
  return typeof definition === "object" && handlers instanceof Map;
}

function refused(path: string, problem: string, cause: unknown): SealwireError {
  const message = `The tools module ${path} cannot be used: ${problem.replaceAll("\n", " ")}.`;
  return new SealwireError("OPTIONS_INVALID", `${message}\nFix the module; the README shows what one looks like.`, {
    cause,
  });
}
