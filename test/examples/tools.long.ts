// test-limit-ms: 300000
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { packPackage } from "../support/packed-package.ts";
import { assert, suite } from "../support/suite.ts";
import { userEnvironment } from "../support/user-environment.ts";

const test = suite("examples/tools");

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
let folder: string;
let project: string;
let server: ChildProcess | undefined;
let address: string;

const projectEnvironment = (): NodeJS.ProcessEnv => ({ ...userEnvironment(), CHECKSUM_ROOT: join(folder, "files") });

function inProject(command: string, ...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return run(command, args, { cwd: project, env: projectEnvironment(), maxBuffer: 64 * 1024 * 1024 });
}

/** Runs the installed `sealwire` as a user would, with the credentials that --dev made. */
async function sealwire(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const access = ["--address", address, "--credentials", join(project, ".sealwire", "client.json")];
  try {
    return { code: 0, ...(await inProject(join("node_modules", ".bin", "sealwire"), ...args, ...access)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealwire-example-"));
  project = join(folder, "project");
  await cp(join(root, "examples", "tools"), project, {
    recursive: true,
    filter: (path) => !/\/(?:node_modules|gen|\.sealwire)$/.test(path),
  });
  await mkdir(join(folder, "files", "sub"), { recursive: true });
  await writeFile(join(folder, "files", "a.txt"), "alpha\n");
  await writeFile(join(folder, "files", "sub", "b.txt"), "beta\n");
  await writeFile(join(folder, "secret.txt"), "outside\n");
  await symlink(join(folder, "secret.txt"), join(folder, "files", "link.txt"));

  const { path: tarball } = await packPackage(folder);
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await inProject("npm", ...install, tarball);
  await inProject("npm", "run", "generate");

  // What the script "serve" runs, without npm in between, which would not pass on the signal that ends it.
  const serve = ["serve", "--dev", "--tools", "./implementation.ts", "--listen", "127.0.0.1:0"];
  server = spawn(join("node_modules", ".bin", "sealwire"), serve, {
    cwd: project,
    env: projectEnvironment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (server.stdout === null) throw new Error("the server has no standard output");
  const lines = createInterface({ input: server.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve).once("close", () => reject(new Error("the server ended before it was ready")));
  });
  address = JSON.parse(line).listening;
});

test.after(async () => {
  if (server !== undefined && server.exitCode === null) {
    const exited = new Promise((resolve) => server?.once("exit", resolve));
    server.kill("SIGTERM");
    await exited;
  }
  await rm(folder, { recursive: true });
});

test("the project type-checks against the installed package and its contract passes buf lint", async () => {
  await inProject("npm", "run", "check");
});

test("the tools are listed with the comments of their contract", async () => {
  const { stdout } = await sealwire("tools", "--json");
  assert.match(stdout, "hash_file");
  assert.match(stdout, "Gives the size and the SHA-256 of one file.");
});

test("the sync tool answers", async () => {
  const { code, stdout } = await sealwire("call", "hash_file", '{"path":"sub/b.txt"}');
  assert.is(code, 0);
  assert.equal(JSON.parse(stdout), {
    file: { path: "sub/b.txt", sizeBytes: "5", sha256: createHash("sha256").update("beta\n").digest("hex") },
  });
});

test("the job hashes a folder and prints its result", async () => {
  const { code, stdout } = await sealwire("call", "hash_folder", '{"path":".","maxListedFiles":1}');
  assert.is(code, 0);
  const a = createHash("sha256").update("alpha\n").digest("hex");
  const b = createHash("sha256").update("beta\n").digest("hex");
  assert.equal(JSON.parse(stdout), {
    fileCount: "2",
    totalBytes: "11",
    sha256: createHash("sha256").update(`${a}  a.txt\n${b}  sub/b.txt\n`).digest("hex"),
    files: [{ path: "a.txt", sizeBytes: "6", sha256: a }],
  });
});

test("arguments that break a rule of the contract are refused", async () => {
  const { code, stderr } = await sealwire("call", "hash_file", '{"path":""}');
  assert.is(code, 2);
  assert.match(stderr, "path");
});

for (const path of ["../secret.txt", "link.txt", "absent.txt"]) {
  test(`a file that is outside or absent fails the tool: ${path}`, async () => {
    const { code, stdout, stderr } = await sealwire("call", "hash_file", JSON.stringify({ path }));
    assert.is(code, 1);
    assert.is(stdout, "");
    assert.match(stderr, `There is nothing to read at "${path}".`);
  });
}

test.run();
