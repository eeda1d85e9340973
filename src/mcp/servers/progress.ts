import type { Progress } from "@modelcontextprotocol/client";
import type { ToolContext } from "../../tools/handler.ts";

/** Shares are reported in steps of a thousandth. */
const STEPS = 1_000;

/** Passes the progress of a call on. Counts of MCP may be fractions; those of a job are whole numbers. */
export function reportProgress(context: Pick<ToolContext, "progress">, { progress, total, message }: Progress): void {
  const isWhole = Number.isInteger(progress) && (total === undefined || Number.isInteger(total));
  const factor = isWhole ? 1 : STEPS;
  const completed = Math.max(0, Math.floor(progress * factor));
  const all = total === undefined ? 0 : Math.max(0, Math.ceil(total * factor));
  context.progress(completed, all >= completed ? all : 0, message ?? "");
}
