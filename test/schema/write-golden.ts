import { globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GOLDEN, goldenFiles } from "./golden.ts";

/* Writes the expected schemas anew: `node test/schema/write-golden.ts`. Read the difference before you commit it. */
mkdirSync(GOLDEN, { recursive: true });
for (const file of globSync("*.json", { cwd: GOLDEN })) rmSync(join(GOLDEN, file));
for (const [name, text] of goldenFiles()) writeFileSync(join(GOLDEN, name), text);
