import { cutText } from "../../wire/error-message.ts";
import type { McpTool } from "./tool-definition.ts";
import { TOOL_TEXT_FIELDS } from "./tool-text.ts";

/** How a tool differs from the one that was accepted. */
export interface ToolChange {
  readonly tool: McpTool;
  /** `undefined`: it is no longer offered. */
  readonly fields: readonly ChangedField[] | undefined;
}

/** A changed part of a definition, with texts for the log. */
export interface ChangedField {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

/** Longest text of a changed part in the log, in UTF-16 units. */
const SHOWN_MOST = 300;

/**
 * Compares the tools that were accepted with those of a later list. Tools that are new are not among the changes.
 * Annotations count only where they are believed.
 */
export function changesOf(
  accepted: readonly McpTool[],
  listed: readonly McpTool[],
  { trustAnnotations }: { readonly trustAnnotations: boolean },
): readonly ToolChange[] {
  const now = new Map(listed.map((tool) => [tool.name, tool]));
  return accepted.flatMap((tool): readonly ToolChange[] => {
    const other = now.get(tool.name);
    if (other === undefined) return [{ tool, fields: undefined }];
    const fields = TOOL_TEXT_FIELDS.filter((field) => field !== "annotations" || trustAnnotations)
      .filter((field) => tool.text[field] !== other.text[field])
      .map((field) => ({ field, ...shownDifference(tool.text[field], other.text[field]) }));
    return fields.length === 0 ? [] : [{ tool, fields }];
  });
}

/** The texts from shortly before their first difference on. */
function shownDifference(before: string, after: string): Omit<ChangedField, "field"> {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same += 1;
  const start = Math.max(0, same - 40);
  const shown = (text: string): string => `${start > 0 ? "…" : ""}${cutText(text.slice(start), SHOWN_MOST)}`;
  return { before: shown(before), after: shown(after) };
}
