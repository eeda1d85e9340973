import { assert, suite } from "../support/suite.ts";
import { type SourceFile, sourceFiles } from "./source-files.ts";

const test = suite("architecture/layers");

/** Folders by layer, top first. A file imports from its own line of a layer or from lines below. */
const LAYERS: readonly (readonly (readonly string[])[])[] = [
  [["src/index.ts", "src/exports/"], ["src/cli/"]],
  [["src/testing/"], ["src/proxy/"], ["src/mcp/"]],
  [["src/server/"], ["src/client/"]],
  [["src/upstream/"]],
  [["src/schema/"]],
  [["src/tools/"]],
  [["src/audit/"]],
  [["src/store/"]],
  [["src/jobs/"]],
  [["src/signing/"]],
  [["src/validation/"]],
  [["src/wire/"], ["src/files/"]],
  [["src/errors.ts", "src/runtime/", "gen/"]],
];

const files = sourceFiles("src").filter(({ path }) => !path.startsWith("src/codegen/"));

function place(path: string): { layer: number; column: number } {
  for (const [layer, columns] of LAYERS.entries()) {
    const column = columns.findIndex((prefixes) => prefixes.some((prefix) => path.startsWith(prefix)));
    if (column >= 0) return { layer, column };
  }
  throw new Error(`${path} belongs to no layer`);
}

test("every file belongs to a layer", () => {
  for (const { path } of files) place(path);
});

test("the imports that these tests judge are found", () => {
  const wire = files.find(({ path }) => path === "src/wire/descriptors.ts");
  assert.equal(wire?.imports, ["gen/descriptors.ts", "src/errors.ts"]);
});

test("imports point downward only", () => {
  const upward = files.flatMap(({ path, imports }) => {
    const from = place(path);
    return imports
      .filter((target) => {
        const to = place(target);
        return to.layer < from.layer || (to.layer === from.layer && to.column !== from.column);
      })
      .map((target) => `${path} imports ${target}`);
  });
  assert.equal(upward, []);
});

test("imports make no cycle", () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: SourceFile, trail: readonly string[]): void => {
    if (trail.includes(file.path)) {
      cycles.push([...trail.slice(trail.indexOf(file.path)), file.path].join(" → "));
      return;
    }
    if (done.has(file.path)) return;
    for (const target of file.imports) {
      const next = byPath.get(target);
      if (next !== undefined) visit(next, [...trail, file.path]);
    }
    done.add(file.path);
  };
  for (const file of files) visit(file, []);
  assert.equal(cycles, []);
});

test.run();
