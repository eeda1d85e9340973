// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type PublicFunction, publicFunctions } from "../architecture/doc-examples.ts";
import { ROOT } from "../architecture/source-files.ts";
import { packPackage } from "../support/packed-package.ts";
import { assert, suite } from "../support/suite.ts";

/* The `@example` of every public function compiles in a project that has the packed package and the greeter's contract. */
const test = suite("package/doc-examples");

const run = promisify(execFile);
const home = await mkdtemp(join(tmpdir(), "sealwire-examples-"));
const project = join(home, "project");
const functions = publicFunctions();

/** Where examples import what is not Sealwire's. */
const MODULES: Readonly<Record<string, string>> = {
  readFile: "node:fs/promises",
  writeFile: "node:fs/promises",
  randomBytes: "node:crypto",
  randomUUID: "node:crypto",
  Server: "@grpc/grpc-js",
  GreetToolServiceDefinition: "./gen/greet/v1/greet_tool_service.ts",
  GreetResponse: "./gen/greet/v1/greet.ts",
};

/** What examples use without making it: the names mean the same in all of them. */
const GIVEN: Readonly<Record<string, string>> = {
  authenticator: 'import("sealwire/signing").RequestAuthenticator',
  bytes: "Uint8Array",
  client: 'import("sealwire/client").SealwireClient',
  clock: 'import("sealwire/server").Clock',
  credentials: 'import("sealwire/client").ClientCredentials',
  descriptors: "Uint8Array[]",
  document: 'import("sealwire/keys").KeyRingDocument',
  frame: "Uint8Array",
  greeter: 'import("sealwire/server").ToolImplementation',
  keyId: "string",
  keyRing: 'import("sealwire/keys").MemoryKeyRing',
  logger: 'import("sealwire/server").Logger',
  method: "string",
  otherInterceptors: 'import("@grpc/grpc-js").ServerInterceptor[]',
  requestId: "string",
  requestKey: 'import("node:crypto").KeyObject',
  requestSignature: "Uint8Array",
  response: 'import("sealwire/signing").Response',
  responseKey: 'import("node:crypto").KeyObject',
  serverSecret: 'import("node:crypto").KeyObject',
  sleep: "(ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>",
  store: 'import("sealwire/server").Store',
  text: "string",
  tools: 'import("sealwire/server").ToolImplementation[]',
};

/** An example as a file: imports of the names that it uses, declarations of what it is given, and its own lines. */
function asModule(example: string): string {
  const used = new Set(example.match(/\b[A-Za-z]\w*\b/g));
  const declared = new Set(
    [...example.matchAll(/\b(?:const|using) (?:\{([^}]*)\}|(\w+))/g)].flatMap(([, list, name]) =>
      list === undefined ? [name] : list.split(",").map((item) => item.split(":").at(-1)?.trim()),
    ),
  );
  const known: readonly (readonly [string, string])[] = [
    ...functions.map(({ name, entry }) => [name, entry] as const),
    ...Object.entries(MODULES),
  ];
  const imports = known.filter(([name]) => used.has(name)).map(([name, from]) => `import { ${name} } from "${from}";`);
  const given = Object.entries(GIVEN)
    .filter(([name]) => used.has(name) && !declared.has(name))
    .map(([name, type]) => `declare const ${name}: ${type};`);
  return [...imports, ...given, example, "export {};", ""].join("\n");
}

const fileOf = ({ name }: PublicFunction): string => `${name}.ts`;

test.before(async () => {
  await cp(join(ROOT, "examples/greeter"), project, { recursive: true });
  for (const file of ["client.ts", "tools.ts"]) await rm(join(project, file));
  const modules = join(project, "node_modules");
  await mkdir(modules);
  for (const name of await readdir(join(ROOT, "node_modules"))) {
    await symlink(join(ROOT, "node_modules", name), join(modules, name));
  }
  const { path } = await packPackage(home);
  await run("tar", ["--extract", "--file", path, "--directory", home]);
  await cp(join(home, "package"), join(modules, "sealwire"), { recursive: true });
  await run(join(modules, ".bin/buf"), ["generate"], { cwd: project });
  for (const each of functions) await writeFile(join(project, fileOf(each)), asModule(each.example ?? ""));
});
test.after(() => rm(home, { recursive: true }));

/** What the compiler says about the files of the project. */
async function compilerOutput(): Promise<string> {
  try {
    const { stdout } = await run(join(project, "node_modules/.bin/tsc"), ["--noEmit"], { cwd: project });
    return stdout;
  } catch (error) {
    return (error as { readonly stdout: string }).stdout;
  }
}

test("every example compiles", async () => {
  assert.is(await compilerOutput(), "");
});

test("an example with an option that does not exist is found", async () => {
  const file = join(project, "openSqliteStore.ts");
  await writeFile(file, (await readFile(file, "utf8")).replace("path:", "file:"));
  assert.match(await compilerOutput(), /^openSqliteStore\.ts\(\d+,\d+\): error TS2353/m);
});

test.run();
