import { setImmediate as nextTurn } from "node:timers/promises";
import type { Tool, ToolAnnotations } from "@modelcontextprotocol/client";
import { compileToolPatterns } from "../../signing/key-ring/tool-patterns.ts";
import { toToolName } from "../../tools/tool-name.ts";
import { type ArgsCheck, type SchemaCompiler, SchemaRefused } from "./args-schema.ts";
import { type ResolvedMcpServer, toolPrefix } from "./options.ts";
import { lengthOf, TITLE_MOST, type ToolText, toolText } from "./tool-text.ts";

/** A tool of an MCP server, as it is offered. */
export interface McpTool {
  /** What the server has said about it. */
  readonly text: ToolText;
  /** Its name here: that of the server, an underscore, and its own in snake_case. */
  readonly name: string;
  /** The name of its method in the contract. */
  readonly method: string;
  readonly title: string;
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
/** Maximum length of the texts of all tools of a server. Callers get them in one answer. */
const TEXTS_MOST = 512 * 1024;
const TOOL_NAME = /^[a-z][a-z0-9_]{0,127}$/;
/** Names without a letter or digit of ASCII are no words here. */
const WORD = /[A-Za-z0-9]/;

/** Reads a list of tools, each in a turn of the event loop. A tool that cannot be offered does not affect the others. */
export async function readTools(
  listed: readonly Tool[],
  server: ResolvedMcpServer,
  compiler: Pick<SchemaCompiler, "compile">,
): Promise<ReadTools> {
  const tools: McpTool[] = [];
  const refused: RefusedTool[] = [];
  let length = 0;
  for (const { name } of listed.filter((tool) => !WORD.test(tool.name)))
    refused.push({ mcpName: name, why: "cannot be offered: its name has no letter or digit of ASCII", isClash: false });
  const named = listed.filter(({ name }) => WORD.test(name));
  const byName = Map.groupBy(named, (tool) => offeredName(server, tool.name));
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
        const text = toolText(tool);
        length += lengthOf(text);
        if (length > TEXTS_MOST)
          throw new SchemaRefused(`the texts of all tools have more than ${TEXTS_MOST} characters`);
        tools.push(defineTool(text, server, compiler));
      } catch (thrown) {
        if (!(thrown instanceof SchemaRefused)) throw thrown;
        refuse(`is left out: ${thrown.message}`);
      }
    }
  }
  return { tools, refused };
}

/** Makes a tool from what its server has said. Throws {@link SchemaRefused}. */
export function defineTool(
  text: ToolText,
  server: ResolvedMcpServer,
  compiler: Pick<SchemaCompiler, "compile">,
): McpTool {
  const name = offeredName(server, text.mcpName);
  // A server may state anything about its tools.
  const stated: ToolAnnotations = server.trustAnnotations ? JSON.parse(text.annotations) : {};
  return {
    text,
    name,
    method: methodName(name.slice(toolPrefix(server).length + 1)),
    title: text.title || (stated.title ?? "").slice(0, TITLE_MOST),
    isJob: text.taskSupport !== "" || compileToolPatterns(server.jobs)(name),
    needsTask: text.taskSupport === "required",
    effect: stated.readOnlyHint ? "read_only" : stated.idempotentHint ? "idempotent" : "",
    destructive: stated.destructiveHint,
    openWorld: stated.openWorldHint,
    check: compile(compiler, text.inputSchema),
  };
}

function compile(compiler: Pick<SchemaCompiler, "compile">, schema: string): ArgsCheck {
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
