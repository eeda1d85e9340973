import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { readIgnoreRules } from "./ignore-rules.ts";
import { pageCommands } from "./image.ts";
import { allOf, recipeStages } from "./recipe.ts";

const test = suite("examples/container, read");

const root = join(import.meta.dirname, "..", "..");
const rules = readIgnoreRules(readFileSync(join(root, "examples", "container", "Dockerfile.dockerignore"), "utf8"));
const [globals = [], build = [], final = []] = recipeStages();

/** Every page that shows commands to people who run Sealwire. */
function pages(): string[] {
  const docs = readdirSync(join(root, "docs")).map((name) => join("docs", name));
  const examples = readdirSync(join(root, "examples")).map((name) => join("examples", name, "README.md"));
  const hasPage = (path: string): boolean => !path.includes("cluster") && !path.includes("demo");
  return ["README.md", ...docs, ...examples.filter(hasPage)].map((path) => readFileSync(join(root, path), "utf8"));
}

/** How the pages name a file that holds a secret or jobs of clients. */
const NAMED = [
  /--out[ =]([\w./-]+)/g,
  /--credentials[ =]([\w./-]+)/g,
  /--token-file[ =]([\w./-]+)/g,
  /--server-secret-file[ =]([\w./-]+)/g,
  /--from-file=([\w./-]+)/g,
  /--tls-key[ =]([\w./-]+)/g,
  /-keyout ([\w./-]+)/g,
  /> ([\w./-]+\.json)/g,
  /readCredentials\("([^"]+)"\)/g,
  /store backup ([\w./-]+)/g,
  /"(?:key|server_secret_file|key_ring)": "([^"]+)"/g,
  /`([\w-]+\.(?:json|db|lock|key))`/g,
  /(\.sealwire\/[\w-]+\.json)/g,
];

/** What pages name under these patterns that is no secret. */
const HARMLESS = new Set(["package.json", "package-lock.json", "request.json", "serve.json", "files.proto"]);

function secrets(): string[] {
  const named = pages().flatMap((page) =>
    NAMED.flatMap((pattern) => [...page.matchAll(pattern)].map(([, path = ""]) => path.replace(/[.]$/, ""))),
  );
  const usual = [".env", ".npmrc", ".pgpass", "id_ed25519", "server.pem", "sealwire.db-wal", "key-use.json", "files/a"];
  return [...new Set([...named, ...usual])].filter(
    (path) => !HARMLESS.has(basename(path)) && basename(path) !== "stdin",
  );
}

test("every secret that our pages name stays out of the image, wherever in the project it lies", () => {
  const found = secrets();
  for (const name of ["reports.json", "server-secret", "tls.key", "client.json", "key-ring.json", "sealwire.db"])
    assert.ok(
      found.some((path) => basename(path) === name),
      `the pages name ${name}`,
    );
  const places = found.flatMap((path) => {
    const inside = path.replace(/^[./]*\//, "");
    return [
      inside,
      basename(path),
      ...["proto", ".sealwire", "tls", "src/conf"].map((at) => `${at}/${basename(path)}`),
    ];
  });
  assert.equal(
    places.filter((path) => rules.letsIn(path)),
    [],
  );
});

test("what the image is made of is let in, and what is made anew is not", () => {
  const needed = [
    "package.json",
    "package-lock.json",
    "sealwire-0.1.0.tgz",
    "buf.yaml",
    "buf.gen.yaml",
    "implementation.ts",
    "proto/checksum/v1/hash_file.proto",
  ];
  assert.equal(
    needed.filter((path) => !rules.letsIn(path)),
    [],
  );
  const made = [
    "node_modules/pg/package.json",
    "gen/descriptors.binpb",
    ".git/config",
    "Dockerfile",
    "node_modules/a.ts",
  ];
  assert.equal(
    made.filter((path) => rules.letsIn(path)),
    [],
  );
});

test("the rules are read as Docker reads them", () => {
  const { letsIn } = readIgnoreRules("# comment\n*\n!a.txt\n!b\nb/secret?\n!deep/**/*.c\n\n/x.key\n");
  const judged = ["a.txt", "c.txt", "b/1", "b/secret1", "b/secret12", "deep/e.c", "deep/f/g.c", "deep/f/g.h", "x.key"];
  assert.equal(judged.map(letsIn), [true, false, true, false, true, true, true, false, false]);
  assert.is(readIgnoreRules("node_modules\n").letsIn("node_modules/x/y"), false);
  assert.is(readIgnoreRules("node_modules\n").letsIn("lib/node_modules/x"), true);
});

test("the page's commands write nothing secret into the folder that the image is built from", async () => {
  const written = (await pageCommands("container")).flatMap((line) =>
    [...line.matchAll(/(?:-keyout|-out|>|mkdir -p|^cp \S+) (\S+)/g)].map(([, path = ""]) => path),
  );
  assert.ok(written.length >= 5, written.join(" "));
  assert.equal(
    written.filter((path) => !path.startsWith("../checksums/")),
    [],
  );
});

test("both stages start from one base image that is pinned by its digest", () => {
  assert.match(allOf(globals, "ARG").join(), /^NODE_IMAGE=node:[\w.-]+@sha256:[0-9a-f]{64}$/);
  assert.equal([allOf(build, "FROM"), allOf(final, "FROM")], [["$NODE_IMAGE AS build"], ["$NODE_IMAGE"]]);
});

test("the image has what runs, and neither npm nor a package nor sources of the contract", () => {
  assert.equal(allOf(final, "COPY"), [
    "--from=build /app/package.json ./",
    "--from=build /app/node_modules ./node_modules",
    "--from=build /app/gen ./gen",
    "--from=build /app/*.ts ./",
  ]);
  assert.equal(allOf(final, "ADD"), []);
  const [command = ""] = allOf(final, "RUN");
  for (const path of ["/usr/local/lib/node_modules", "/usr/local/bin/npm", "/usr/local/bin/npx"])
    assert.ok(new RegExp(`&& rm -r[^&]* ${path}( |$)`).test(command), path);
  assert.equal(
    allOf(build, "RUN").filter((line) => /npm (install|i)\b/.test(line)),
    [],
  );
});

test.run();
