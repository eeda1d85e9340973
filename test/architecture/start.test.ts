import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { ROOT } from "./source-files.ts";

/* What every command loads before it knows what to do: `--help` waits for it. */
const test = suite("architecture/start");

/** Imports that Node follows at once: neither those of types alone nor `import()`. */
const STATIC = /^(?:import|export)\s+(?!type\b)[^;]*?\bfrom "([^"]+)"|^import "([^"]+)"/gms;

function importsOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  return [...text.matchAll(STATIC)].map((match) => match[1] ?? match[2] ?? "");
}

/** The files of this repository that a file loads at once, and the packages. */
function loadedBy(path: string): { readonly files: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const files = new Set([path]);
  const packages = new Set<string>();
  for (const file of files) {
    for (const target of importsOf(file)) {
      if (target.startsWith(".")) files.add(join(dirname(file), target));
      else packages.add(target);
    }
  }
  return { files, packages };
}

test("a command line is read without protobuf, gRPC or a store", () => {
  const { files, packages } = loadedBy("src/cli/run-cli.ts");
  assert.ok(files.has("src/cli/program.ts"), "imports are found");
  const foreign = [...packages].filter((name) => !name.startsWith("node:"));
  assert.equal(foreign.sort(), ["commander"]);
  const heavy = [...files].filter((file) => /^(?:gen|src\/(?:client|server|tools|wire|validation))\//.test(file));
  assert.equal(heavy, []);
});

test.run();
