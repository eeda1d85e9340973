import { parseArgs } from "node:util";
import { SCENARIOS } from "./scenario.ts";
import type { EngineName } from "./site.ts";

const ENGINES: readonly EngineName[] = ["sqlite", "postgres"];

/** Parses the options of `npm run test:crash`. Throws an Error that names the invalid option. */
export function readCommandLine(args: readonly string[]): Readonly<Record<string, string>> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { faults: text, engine: text, kills: text, strikes: text, seed: text },
  });
  const { engine, faults = engine, kills, strikes, seed } = values;
  if (engine !== undefined && !ENGINES.some((name) => name === engine))
    throw new Error(`--engine is "${engine}"; the engines are ${ENGINES.join(", ")}`);
  for (const name of faults?.split(",") ?? [])
    if (!Object.hasOwn(SCENARIOS, name))
      throw new Error(`--faults has "${name}"; the scenarios are ${Object.keys(SCENARIOS).join(", ")}`);
  for (const [name, number] of Object.entries({ kills, strikes, seed }))
    if (number !== undefined && !/^\d{1,10}$/.test(number))
      throw new Error(`--${name} is "${number}"; it must be a whole number`);
  // Each engine has a scenario with the same name.
  const asked = { faults, kills, strikes, seed };
  return Object.fromEntries(Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
