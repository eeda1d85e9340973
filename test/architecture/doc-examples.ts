import { join } from "node:path";
import { sourceFiles } from "./source-files.ts";

/** A function or class that an entry point exports. */
export interface PublicFunction {
  readonly name: string;
  /** The file that defines it, from the root of the repository. */
  readonly path: string;
  /** The entry point, as users import it: "sealwire/client". */
  readonly entry: string;
  /** The code of its `@example`; `undefined` if its doc comment has none. */
  readonly example: string | undefined;
}

const EXPORT_LIST = /^export \{([^}]*)\} from "([^"]+)"/gm;
const EXAMPLE = /@example\n \* ```ts\n((?: \*.*\n)+?) \* ```\n/;

/** Every function and class of the public interface; one that several entry points export comes once. */
export function publicFunctions(): readonly PublicFunction[] {
  const sources = new Map(sourceFiles("src").map(({ path, text }) => [path, text]));
  const found = new Map<string, PublicFunction>();
  for (const [file, text] of sources) {
    const [, entry] = /^src\/exports\/(\w+)\.ts$/.exec(file) ?? [];
    if (entry === undefined) continue;
    for (const [, list = "", from = ""] of text.matchAll(EXPORT_LIST)) {
      const path = join("src/exports", from);
      for (const name of list.split(",").map((item) => item.trim())) {
        if (name === "" || name.startsWith("type ") || found.has(name)) continue;
        const comment = docComment(definingText(sources, path, name), name);
        const example = EXAMPLE.exec(comment)?.[1]?.replaceAll(/^ \* ?/gm, "");
        found.set(name, { name, path, entry: `sealwire/${entry}`, example });
      }
    }
  }
  return [...found.values()];
}

/** The text of the file that declares a name, also where `path` exports it from there. */
function definingText(sources: ReadonlyMap<string, string>, path: string, name: string): string {
  const text = sources.get(path) ?? "";
  for (const [, list = "", from = ""] of text.matchAll(EXPORT_LIST)) {
    if (new RegExp(`\\b${name}\\b`).test(list)) return definingText(sources, join(path, "..", from), name);
  }
  return text;
}

/** The doc comment of an exported function or class; empty if there is none. */
function docComment(text: string, name: string): string {
  const declaration = new RegExp(`(/\\*\\*(?:(?!\\*/)[^])*\\*/)\\nexport (?:async )?(?:function|class) ${name}\\b`);
  return declaration.exec(text)?.[1] ?? "";
}
