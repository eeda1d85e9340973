import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/*
 * Preloaded (`node --import`) from the folder that strip-types.ts creates. Loads the copies of sources without types
 * from this folder.
 */
registerHooks({
  load(url, context, next) {
    if (!/^file:.*\.ts$/.test(url)) return next(url, context);
    const name = `${hash("sha256", readFileSync(fileURLToPath(url), "utf8"))}.js`;
    let stripped: string;
    try {
      stripped = readFileSync(join(import.meta.dirname, name), "utf8");
    } catch {
      return next(url, context);
    }
    // Node adds this line, too.
    return { format: "module", source: `${stripped}\n\n//# sourceURL=${url}`, shortCircuit: true };
  },
});
