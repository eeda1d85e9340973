/** Writes the vectors' files anew: `node test/vectors/generate.ts`. The same bytes in every run. */
import { writeFileSync } from "node:fs";
import { argumentVectors } from "./argument-cases.ts";
import { canonicalVectors } from "./canonical-cases.ts";
import { definitionVectors } from "./definition-cases.ts";
import { keyVectors } from "./key-cases.ts";
import { requestVectors } from "./request-cases.ts";
import { responseVectors } from "./response-cases.ts";
import { sequenceVectors } from "./sequence-cases.ts";
import { sizeVectors } from "./size-cases.ts";

/** The text of each file, by its name in this folder. */
export function vectorTexts(): ReadonlyMap<string, string> {
  const files = {
    "keys.json": keyVectors(),
    "requests.json": requestVectors(),
    "responses.json": responseVectors(),
    "canonical.json": canonicalVectors(),
    "sizes.json": sizeVectors(),
    "sequences.json": sequenceVectors(),
    "arguments.json": argumentVectors(),
    "definitions.json": definitionVectors(),
  };
  return new Map(Object.entries(files).map(([name, file]) => [name, `${JSON.stringify(file, null, 2)}\n`]));
}

if (import.meta.main) {
  for (const [name, text] of vectorTexts()) writeFileSync(new URL(name, import.meta.url), text);
}
