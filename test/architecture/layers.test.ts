import { assert, suite } from "../support/suite.ts";
import { type SourceFile, sourceFiles } from "./source-files.ts";

const test = suite("architecture/layers");

/** Folders by layer, top first. A file imports from its own line of a layer or from lines below. */
const LAYERS: readonly (readonly (readonly string[])[])[] = [
  [["src/index.ts", "src/exports/"], ["src/cli/"]],
  [["src/testing/"], ["src/proxy/"], ["src/mcp/"], ["src/console/"]],
  [["src/server/"], ["src/client/"]],
  [["src/operator/"], ["src/upstream/"]],
  [["src/schema/"]],
  [["src/tools/"]],
  [["src/audit/"]],
  [["src/store/"]],
  [["src/jobs/"]],
  [["src/signing/"]],
  [["src/validation/"]],
  [["src/tracing/"]],
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

test("the pages of the console import their own modules, and only types of the answers", () => {
  const pages = files.filter(({ path }) => /^src\/console\/browser\/.*(?<!\.d)\.ts$/.test(path));
  assert.ok(pages.length > 10);
  for (const { path, text, imports } of pages) {
    const others = imports.filter((target) => !target.startsWith("src/console/browser/"));
    assert.equal(new Set(others).size, others.length === 0 ? 0 : 1, path);
    if (others.length > 0) assert.match(text, /^import type \{[^}]*\} from "(?:\.\.\/)+answers\.ts";$/m, path);
    assert.not.match(text, /from "(?![./])/, path);
  }
  assert.equal(files.find(({ path }) => path === "src/console/answers.ts")?.imports, []);
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
