import { parseArgs } from "node:util";
import type { EngineName } from "./site.ts";

const ENGINES: readonly EngineName[] = ["sqlite", "postgres"];

/** What `npm run test:crash` was asked for, by the names of its options. Throws with a text for people. */
export function readCommandLine(args: readonly string[]): Readonly<Record<string, string>> {
  const { values } = parseArgs({
    args: [...args],
    options: { engine: { type: "string" }, kills: { type: "string" }, seed: { type: "string" } },
  });
  const { engine, kills, seed } = values;
  if (engine !== undefined && !ENGINES.some((name) => name === engine))
    throw new Error(`--engine is "${engine}"; the engines are ${ENGINES.join(", ")}`);
  for (const [name, text] of Object.entries({ kills, seed }))
    if (text !== undefined && !/^\d{1,10}$/.test(text))
      throw new Error(`--${name} is "${text}"; it must be a whole number`);
  return { ...values };
}
