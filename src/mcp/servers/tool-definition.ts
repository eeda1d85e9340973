import { setImmediate as nextTurn } from "node:timers/promises";
import type { Tool } from "@modelcontextprotocol/client";
import { compileToolPatterns } from "../../signing/key-ring/tool-patterns.ts";
import { toToolName } from "../../tools/tool-name.ts";
import { type ArgsCheck, SCHEMA_MOST, type SchemaCompiler, SchemaRefused } from "./args-schema.ts";
import { type ResolvedMcpServer, toolPrefix } from "./options.ts";

/** A tool of an MCP server, as it is offered. */
export interface McpTool {
  /** Its name at the MCP server. */
  readonly mcpName: string;
  /** Its name here: that of the server, an underscore, and its own in snake_case. */
  readonly name: string;
  /** The name of its method in the contract. */
  readonly method: string;
  readonly title: string;
  readonly description: string;
  /** JSON Schemas with sorted keys, so that another order of the same keys is no change. */
  readonly inputSchema: string;
  readonly outputSchema: string;
  readonly isJob: boolean;
  /** True if it can only be called as a task of MCP. */
  readonly needsTask: boolean;
  readonly effect: "read_only" | "idempotent" | "";
  readonly destructive: boolean | undefined;
  readonly openWorld: boolean | undefined;
  readonly check: ArgsCheck;
}

/** A tool that cannot be offered. */
export interface RefusedTool {
  readonly mcpName: string;
  /** The end of a sentence about the tool. */
  readonly why: string;
  /** True if its name is that of another tool. */
  readonly isClash: boolean;
}

/** The tools that a server lists, sorted by name. */
export interface ReadTools {
  readonly tools: readonly McpTool[];
  readonly refused: readonly RefusedTool[];
}

/** Maximum number of tools of a server. */
const MOST_TOOLS = 500;
/** Longest description of a tool, and longest title, in UTF-16 units. */
const DESCRIPTION_MOST = 16 * 1024;
const TITLE_MOST = 256;
const TOOL_NAME = /^[a-z][a-z0-9_]{0,127}$/;

/** Reads a list of tools, each in a turn of the event loop. A tool that cannot be offered does not affect the others. */
export async function readTools(
  listed: readonly Tool[],
  server: ResolvedMcpServer,
  compiler: Pick<SchemaCompiler, "compile">,
): Promise<ReadTools> {
  const isJob = compileToolPatterns(server.jobs);
  const tools: McpTool[] = [];
  const refused: RefusedTool[] = [];
  const byName = Map.groupBy(listed, (tool) => offeredName(server, tool.name));
  for (const [name, [tool, ...others]] of [...byName].sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (tool === undefined) continue;
    await nextTurn();
    const refuse = (why: string, isClash = false): void => void refused.push({ mcpName: tool.name, why, isClash });
    if (others.length > 0) {
      const names = [tool, ...others].map((each) => JSON.stringify(each.name)).join(" and ");
      refuse(`cannot be offered: ${names} are all the tool "${name}"`, true);
    } else if (!TOOL_NAME.test(name)) refuse(`cannot be offered: "${name}" is no name of a tool`);
    else if (tools.length >= MOST_TOOLS) refuse(`is left out: ${MOST_TOOLS} tools are the most of a server`);
    else {
      try {
        tools.push(readTool(tool, { name, server, compiler, isJob: isJob(name) }));
      } catch (thrown) {
        if (!(thrown instanceof SchemaRefused)) throw thrown;
        refuse(`is left out: ${thrown.message}`);
      }
    }
  }
  return { tools, refused };
}

interface ReadingTool {
  readonly name: string;
  readonly server: ResolvedMcpServer;
  readonly compiler: Pick<SchemaCompiler, "compile">;
  readonly isJob: boolean;
}

function readTool(tool: Tool, { name, server, compiler, isJob }: ReadingTool): McpTool {
  const { description = "", title = "", inputSchema, outputSchema, execution } = tool;
  // A server may state anything about its tools.
  const stated = server.trustAnnotations ? (tool.annotations ?? {}) : {};
  if (description.length > DESCRIPTION_MOST) {
    throw new SchemaRefused(`its description has ${description.length} characters; ${DESCRIPTION_MOST} are the most`);
  }
  const output = outputSchema === undefined ? "" : sortedJson(outputSchema);
  if (output.length > SCHEMA_MOST) {
    throw new SchemaRefused(`its output schema has ${output.length} characters; ${SCHEMA_MOST} are the most`);
  }
  return {
    mcpName: tool.name,
    name,
    method: methodName(name.slice(toolPrefix(server).length + 1)),
    title: (title || (stated.title ?? "")).toWellFormed().slice(0, TITLE_MOST),
    description: description.toWellFormed(),
    inputSchema: sortedJson(inputSchema),
    outputSchema: output,
    isJob: isJob || execution?.taskSupport === "optional" || execution?.taskSupport === "required",
    needsTask: execution?.taskSupport === "required",
    effect: stated.readOnlyHint ? "read_only" : stated.idempotentHint ? "idempotent" : "",
    destructive: stated.destructiveHint,
    openWorld: stated.openWorldHint,
    check: compile(compiler, inputSchema),
  };
}

function compile(compiler: Pick<SchemaCompiler, "compile">, schema: Tool["inputSchema"]): ArgsCheck {
  try {
    return compiler.compile(schema);
  } catch (thrown) {
    if (!(thrown instanceof SchemaRefused)) throw thrown;
    throw new SchemaRefused(`its input schema ${thrown.message}`, { cause: thrown });
  }
}

/** `a.b-c` and `aBC` of the server `files` are `files_a_b_c` and `files_a_bc`. */
export function offeredName(server: Pick<ResolvedMcpServer, "name">, mcpName: string): string {
  const words = mcpName.replaceAll(/[^A-Za-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "");
  return `${toolPrefix(server)}_${toToolName(words)}`;
}

/** The words of a name in capitals: `read_file_2` is `ReadFile_2`. Different names give different methods. */
function methodName(words: string): string {
  return words
    .split("_")
    .map((word) => (/^\d/.test(word) ? `_${word}` : word.slice(0, 1).toUpperCase() + word.slice(1)))
    .join("");
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
