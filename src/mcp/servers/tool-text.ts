import type { Tool } from "@modelcontextprotocol/client";
import { SchemaRefused } from "./args-schema.ts";

/**
 * What a server says about a tool. The JSON texts have sorted keys, so that another order of the same keys is no change.
 */
export interface ToolText {
  /** Its name at the MCP server. */
  readonly mcpName: string;
  readonly title: string;
  readonly description: string;
  /** JSON Schemas; the second is empty if the tool states none. */
  readonly inputSchema: string;
  readonly outputSchema: string;
  /** The annotations, as JSON. */
  readonly annotations: string;
  readonly taskSupport: "" | "optional" | "required";
}

/** The fields of a {@link ToolText}. */
export const TOOL_TEXT_FIELDS = [
  ...(["mcpName", "title", "description", "inputSchema", "outputSchema", "annotations", "taskSupport"] as const),
] satisfies readonly (keyof ToolText)[];

/** Longest title, and longest other texts, in UTF-16 units. */
export const TITLE_MOST = 256;
const LONGEST = { description: 16 * 1024, outputSchema: 64 * 1024, annotations: 4 * 1024 } as const;

/** Reads what a server says about a tool. Throws {@link SchemaRefused} for a text that is too long. */
export function toolText(tool: Tool): ToolText {
  const { name, title = "", description = "", inputSchema, outputSchema, annotations = {}, execution } = tool;
  const { taskSupport = "forbidden" } = execution ?? {};
  const text: ToolText = {
    mcpName: name,
    title: title.toWellFormed().slice(0, TITLE_MOST),
    description: description.toWellFormed(),
    inputSchema: sortedJson(inputSchema),
    outputSchema: outputSchema === undefined ? "" : sortedJson(outputSchema),
    annotations: sortedJson(annotations),
    taskSupport: taskSupport === "forbidden" ? "" : taskSupport,
  };
  for (const [field, most] of Object.entries(LONGEST)) {
    const { length } = text[field as keyof typeof LONGEST];
    if (length > most) throw new SchemaRefused(`its ${field} has ${length} characters; ${most} are the most`);
  }
  return text;
}

/** The length of all texts, in UTF-16 units. */
export function lengthOf(text: ToolText): number {
  return TOOL_TEXT_FIELDS.reduce((sum, field) => sum + text[field].length, 0);
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
