import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { resultPage } from "./markdown.ts";
import type { Result } from "./result.ts";
import { drawChart } from "./svg.ts";

/** Writes a result into a folder: NAME.json, NAME.md and, if it has a chart, NAME.svg. */
export function writeResult(result: Result, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const path = (ending: string): string => join(folder, `${result.name}.${ending}`);
  writeFileSync(path("json"), `${JSON.stringify(result, undefined, 1)}\n`);
  writeFileSync(path("md"), resultPage(result));
  if (result.chart !== undefined) writeFileSync(path("svg"), drawChart(result.chart));
}
