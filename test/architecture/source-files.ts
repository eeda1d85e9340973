import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Root of the repository. */
export const ROOT = join(import.meta.dirname, "..", "..");

/** One file under src/, with what it imports from this repository (paths from the root). */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const IMPORT = /^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)"|^import "(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gms;

/** Reads every TypeScript file below a folder of the repository. */
export function sourceFiles(folder: string): SourceFile[] {
  return globSync(`${folder}/**/*.ts`, { cwd: ROOT })
    .sort()
    .map((path) => {
      const text = readFileSync(join(ROOT, path), "utf8");
      const imports = [...text.matchAll(IMPORT)].map((match) =>
        join(dirname(path), match[1] ?? match[2] ?? match[3] ?? ""),
      );
      return { path, text, imports };
    });
}

/** Blanks out comments and the text of plain string literals, keeping line numbers. */
export function codeOnly(text: string): string {
  return text.replaceAll(/\/\*.*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"/gs, (found) => found.replaceAll(/[^\n]/g, " "));
}
