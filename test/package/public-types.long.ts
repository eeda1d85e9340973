import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { ROOT } from "../architecture/source-files.ts";
import { assert, suite } from "../support/suite.ts";

/* Whoever imports from the package can name every type that its declarations lead to. Reads dist/, as `npm ci` builds it. */
const test = suite("package/public-types");

/** What needs no name: parts of generated messages, and tables behind a type that lists their keys. */
const UNNAMED =
  /^(?:WIRE_REASONS|LOCAL_REASONS|JOB_OPTION_KEY|MessageFns|Any|Status|Error|Job|JobPolicy|ToolOptions)(?:_\d+)?$/;

const entries = globSync("src/exports/*.ts", { cwd: ROOT });

/** The names that an entry point exports. */
function exportedBy(entry: string): readonly string[] {
  const lists = readFileSync(join(ROOT, entry), "utf8").matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  return [...lists].flatMap(([, list = ""]) => list.split(",").map((name) => name.replace("type ", "").trim()));
}

/** The names in the declarations of an entry point that it does not export itself. */
function namedBeside(entry: string): readonly string[] {
  const declarations = join(ROOT, "dist", entry.replace(/\.ts$/, ".d.ts"));
  const compilerOptions = {
    module: "nodenext",
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    types: ["node"],
    skipLibCheck: true,
    strict: true,
  };
  const files = [declarations, join(ROOT, "node_modules/@types/node/index.d.ts")];
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: declarations,
      compiler: { overrideTsconfig: { compilerOptions, files } },
      messages: { extractorMessageReporting: { "ae-forgotten-export": { logLevel: "warning" as never } } },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(ROOT, "package.json"),
  });
  const names: string[] = [];
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      if (message.messageId === "ae-forgotten-export") names.push(/"(\w+)"/.exec(message.text)?.[1] ?? message.text);
      message.handled = true;
    },
  });
  return names;
}

test("every type that a declaration names is exported by an entry point", () => {
  const exported = new Set(entries.flatMap(exportedBy));
  assert.ok(exported.size > 100);
  const beside = entries.flatMap((entry) => namedBeside(entry).map((name) => `${name} in ${entry}`));
  // Some there are for sure, or none would be found.
  assert.ok(beside.some((name) => UNNAMED.test(name.split(" ")[0] ?? "")));
  const unnamed = beside.filter((line) => {
    const [name = ""] = line.split(" ");
    return !exported.has(name) && !UNNAMED.test(name);
  });
  assert.equal(unnamed, []);
});

test.run();
