// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { cpSync, globSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createServer, demoTools, openSqliteStore, watchKeyRing } from "../../src/index.ts";
import { type PackedPackage, packPackage } from "../support/packed-package.ts";
import { assert, suite } from "../support/suite.ts";
import { userEnvironment } from "../support/user-environment.ts";

/* The npm package as its users get it: what is in it, and that it works in a folder with nothing else. */
const test = suite("package");

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const project = join(await mkdtemp(join(tmpdir(), "sealwire-package-")), "project");
const installed = join(project, "node_modules", "sealwire");
let packed: PackedPackage;

test.before(async () => {
  await mkdir(project);
  packed = await packPackage(dirname(project));
  const others = ["typescript@7.0.2", "@types/node@24.19.2", "esbuild@0.28.2"];
  await inProject("npm", "install", "--prefer-offline", "--ignore-scripts", packed.path, ...others);
  cpSync(join(import.meta.dirname, "program"), project, { recursive: true });
});
test.after(() => rm(dirname(project), { recursive: true }));

/** grpc-js is CommonJS and requires Node's own modules; esbuild's documentation has this line for bundles in ESM. */
const REQUIRE_IN_ESM = 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);';

/** What `sealwire init` copies. */
const PROJECT_FILES = globSync("examples/greeter/{*,proto/**/*.proto}", { cwd: root }).filter((file) =>
  /\.(?:json|md|proto|ts|yaml)$|gitignore$/.test(file),
);

/** Runs a command as a user would: this Node first, nothing of the repository's node_modules. */
async function inProject(command: string, ...args: readonly string[]): Promise<string> {
  return (await run(command, args, { cwd: project, env: userEnvironment() })).stdout;
}

/** The part of the console that runs in a browser. Nothing imports it, so it has no declarations. */
const BROWSER = "src/console/browser/";

/** What TypeScript makes of the sources in a folder. */
function compiled(folder: string): string[] {
  const sources = globSync(`${folder}/**/*.ts`, { cwd: root }).filter(
    (file) => !file.startsWith("src/codegen/") && !file.endsWith(".d.ts"),
  );
  return sources.flatMap((file) =>
    (file.startsWith(BROWSER) ? [".js"] : [".js", ".d.ts"]).map((ending) => `dist/${file.replace(/\.ts$/, ending)}`),
  );
}

test("it holds the compiled sources, the contracts, the descriptor set, and nothing else", () => {
  assert.equal(
    [...packed.files].sort(),
    [
      ...["CHANGELOG.md", "LICENSE", "README.md", "package.json", "schemas/audit-log.v1.schema.json"],
      ...["dist/gen/descriptors.binpb", "dist/proto/buf/validate/validate.proto", "dist/proto/google/rpc/code.proto"],
      ...globSync("proto/**/*.proto", { cwd: root }),
      ...PROJECT_FILES,
      ...compiled("src"),
      ...["console.css", "icon.svg"].map((name) => `dist/${BROWSER}${name}`),
      ...compiled("gen"),
    ].sort(),
  );
});

test("nothing runs when it is installed", async () => {
  const { scripts } = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  // npm runs `prepare` where the sources are, in a clone, and not for who installs the package.
  assert.equal(
    Object.keys(scripts).filter((name) => /^(?:pre|post)?install$/.test(name)),
    [],
  );
});

test("the contracts in it are complete: they compile with what lies beside them", async () => {
  const modules = [{ path: "node_modules/sealwire/proto" }, { path: "node_modules/sealwire/dist/proto" }];
  const config = JSON.stringify({ version: "v2", modules });
  const buf = join(root, "node_modules", ".bin", "buf");
  await inProject(buf, "build", "--config", config, "--output", "contract.binpb");
  assert.ok((await readFile(join(project, "contract.binpb"))).length > 10_000);
});

test("the descriptor set in it is the repository's", async () => {
  const copy = await readFile(join(installed, "dist", "gen", "descriptors.binpb"));
  assert.ok(copy.equals(await readFile(join(root, "gen", "descriptors.binpb"))));
});

test("its command runs", async () => {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  assert.is((await inProject("npx", "--no-install", "sealwire", "--version")).trim(), version);
});

test("a program that imports it type-checks, its declarations with it, and runs", async () => {
  await inProject("npx", "--no-install", "tsc", "--project", ".");
  const add = ["keys", "add", "somebody", "--server-id", "here", "--tools", "*"];
  const files = ["--key-ring", "key-ring.json", "--out", "client.json"];
  await inProject("npx", "--no-install", "sealwire", ...add, ...files);
  assert.is(await inProject(process.execPath, "program.mts"), '{"count":3,"total":6.5}\nARGS_INVALID\n');
});

test("a program that imports each entry point runs", async () => {
  const answers = '{"count":3,"total":6.5}\nalice\nobject\nnumbers[1]\n{"count":1,"total":1}\n';
  assert.is(await inProject(process.execPath, "entry-points.mts"), answers);
});

test("a store on PostgreSQL without the package pg is refused, with the command that installs it", async () => {
  const migrate = ["sealwire", "store", "migrate", "--store", "postgres://127.0.0.1/none"];
  const failed = await inProject("npx", "--no-install", ...migrate).then(
    () => assert.unreachable("it migrated something"),
    (thrown: { readonly code: number; readonly stderr: string }) => thrown,
  );
  assert.ok(failed);
  assert.is(failed.code, 2);
  assert.match(failed.stderr, "needs the package pg, which is not installed");
  assert.match(failed.stderr, "npm install pg@8");
});

test("traces without the packages of OpenTelemetry are refused, with the command that installs them", async () => {
  const failed = await inProject("npx", "--no-install", "sealwire", "serve", "--dev", "--otel").then(
    () => assert.unreachable("it served"),
    (thrown: { readonly code: number; readonly stderr: string }) => thrown,
  );
  assert.ok(failed);
  assert.is(failed.code, 2);
  assert.match(failed.stderr, "need the package @opentelemetry/sdk-trace, which is not installed");
  assert.match(failed.stderr, "npm install @opentelemetry/sdk-trace@3");
});

for (const [format, ending] of [
  ["esm", "mjs"],
  ["cjs", "cjs"],
] as const) {
  const bundle = async (program: string, ...external: readonly string[]): Promise<string> => {
    const options = ["--bundle", "--platform=node", `--format=${format}`, "--external:node:*", ...external];
    const shims = format === "esm" ? [`--banner:js=${REQUIRE_IN_ESM}`] : [];
    const file = join("..", `${program}-bundle.${ending}`);
    await inProject("npx", "--no-install", "esbuild", `${program}.mts`, ...options, ...shims, `--outfile=${file}`);
    return file;
  };

  test(`a server and a client bundled by esbuild to ${format} run in a folder with nothing else`, async () => {
    const file = await bundle("bundled", "--external:pg");
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: project });
    assert.is(stdout, '{"count":3,"total":6.5}\n');
    assert.is(stderr, "");
  });

  test(`a client bundled by esbuild to ${format} holds nothing of the server, and calls one`, async () => {
    const file = await bundle("client-alone");
    const text = await readFile(join(project, file), "utf8");
    for (const absent of ["prom-client", "node:sqlite", "commander", "pino", "protovalidate"])
      assert.not.ok(text.includes(absent), `${file} holds ${absent}`);
    await using keyRing = await watchKeyRing({ path: join(project, "key-ring.json") });
    await using store = await openSqliteStore({ path: ":memory:" });
    await using server = await createServer({ keyRing, store, tools: [demoTools()] });
    const { address } = await server.listen("127.0.0.1:0");
    const { stdout, stderr } = await run(process.execPath, [file, address], { cwd: project });
    assert.equal([stdout, stderr], ['{"count":3,"total":6.5}\n', ""]);
  });
}

test.run();
