import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..", "..", "examples", "container");

/** One line of a Dockerfile. */
export interface Instruction {
  readonly name: string;
  readonly args: string;
}

/** The stages of the example's Dockerfile; what stands before the first one, too, as a stage without FROM. */
export function recipeStages(): readonly (readonly Instruction[])[] {
  const text = readFileSync(join(folder, "Dockerfile"), "utf8")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ");
  const stages: Instruction[][] = [[]];
  for (const [, name = "", args = ""] of text.matchAll(/^([A-Z]+) +(.*)$/gm)) {
    if (name === "FROM") stages.push([]);
    stages.at(-1)?.push({ name, args: args.trim() });
  }
  return stages;
}

/** What a stage says under one name, each time. */
export function allOf(stage: readonly Instruction[], name: string): readonly string[] {
  return stage.filter((each) => each.name === name).map(({ args }) => args);
}
