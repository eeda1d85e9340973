import { hash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { LOADER, STRIPPED } from "./quick-start.ts";

/*
 * Writes every source of the repository without types, as Node would load it. Spaces replace the types, so that
 * positions in coverage reports stay valid. Each file is named after the hash of its source, so that it is never
 * outdated.
 */
const root = join(import.meta.dirname, "../..");
const sources = globSync("{src,gen,test,examples,bench}/**/*.ts", {
  cwd: root,
  exclude: (path) => path.endsWith("node_modules"),
});

rmSync(STRIPPED, { recursive: true, force: true });
mkdirSync(STRIPPED, { recursive: true });
for (const path of sources) {
  const source = readFileSync(join(root, path), "utf8");
  writeFileSync(join(STRIPPED, `${hash("sha256", source)}.js`), stripTypeScriptTypes(source));
}
const loader = readFileSync(join(import.meta.dirname, "load-stripped.ts"), "utf8");
writeFileSync(join(STRIPPED, LOADER), stripTypeScriptTypes(loader));
