import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { ROOT } from "./source-files.ts";

/* What each entry point of the package loads: who imports the client alone does not pay for a server. */
const test = suite("architecture/entry-points");

const PROTOBUF = "@bufbuild/protobuf";
const GRPC = ["@grpc/grpc-js", "@js-sdsl/ordered-map"];
const TRACES = "@opentelemetry/api";
const RULES = ["@bufbuild/cel", "@bufbuild/cel-spec", "@bufbuild/protovalidate", "@bufbuild/re2"];

/** By entry point: the packages that it loads, and the folders of src/ that it does not. */
const LOADED: Readonly<Record<string, { readonly packages: readonly string[]; readonly without: readonly string[] }>> =
  {
    client: { packages: [PROTOBUF, TRACES, ...GRPC], without: ["server", "store", "schema", "cli", "testing"] },
    signing: { packages: [PROTOBUF], without: ["server", "client", "store", "jobs", "tools", "cli", "testing"] },
    keys: { packages: [], without: ["server", "client", "store", "jobs", "tools", "cli", "testing"] },
    schema: { packages: [PROTOBUF, ...RULES], without: ["server", "client", "store", "upstream", "cli", "testing"] },
    server: { packages: [PROTOBUF, TRACES, ...GRPC, ...RULES], without: ["client", "cli", "testing"] },
    testing: { packages: [PROTOBUF, TRACES, ...GRPC, ...RULES], without: ["cli"] },
  };

/** Prints the URL of every module that importing `file` loads, those that packages require, too. */
const PROBE = `
  import { registerHooks } from "node:module";
  const urls = new Set();
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      urls.add(resolved.url);
      return resolved;
    },
  });
  await import(process.argv[1]);
  console.log(JSON.stringify([...urls]));`;

function loadedBy(file: string): readonly string[] {
  return JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "--eval", PROBE, file], { encoding: "utf8" }),
  );
}

for (const [entry, { packages, without }] of Object.entries(LOADED)) {
  test(`sealwire/${entry} loads ${packages.length === 0 ? "no package" : "its packages alone"}, nothing of ${without.join(", ")}`, () => {
    const urls = loadedBy(join(ROOT, "src", "exports", `${entry}.ts`));
    const names = urls.map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]);
    assert.equal([...new Set(names.filter((name) => name !== undefined))].sort(), [...packages].sort());
    const folders = without.filter((folder) => urls.some((url) => url.includes(`/src/${folder}/`)));
    assert.equal(folders, []);
  });
}

test("each of them is an entry point of the package, and there is no other", () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const files = Object.keys(exports).filter((name) => name !== "." && !name.includes(".", 1));
  assert.equal(
    files.sort(),
    Object.keys(LOADED)
      .map((entry) => `./${entry}`)
      .sort(),
  );
});

test.run();
