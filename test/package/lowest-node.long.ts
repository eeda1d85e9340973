// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client, credentials as grpcCredentials } from "@grpc/grpc-js";
import { parseCredentials } from "../../src/signing/key-ring/credentials.ts";
import { CliProcess } from "../cli/cli-process.ts";
import { packPackage } from "../support/packed-package.ts";
import { RawStream } from "../support/raw-stream.ts";
import { assert, suite } from "../support/suite.ts";

/* The package as its users get it, on the lowest Node that its `engines` declares, and on one below. */
const test = suite("package/lowest-node");

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly engines: { node: string };
};
const LOWEST = `${engines.node.replace(">=", "")}.0`;
const TOO_OLD = "20.19.0";
const folder = mkdtempSync(join(tmpdir(), "sealwire-lowest-node-"));
const project = join(folder, "project");
const main = join(project, "node_modules", "sealwire", "dist", "src", "cli", "main.js");

/** Installs a version of Node into a folder of its own; gives the path of its binary, or why it cannot be had. */
async function installNode(version: string): Promise<{ readonly path: string } | { readonly problem: string }> {
  const prefix = join(folder, `node-${version}`);
  mkdirSync(prefix);
  const path = join(prefix, "node_modules", "node", "bin", "node");
  try {
    await run("npm", ["install", "--no-save", "--prefix", prefix, `node@${version}`], { cwd: prefix });
    const { stdout } = await run(path, ["--version"]);
    return stdout.trim() === `v${version}` ? { path } : { problem: `node@${version} came as ${stdout.trim()}` };
  } catch (error) {
    return { problem: `npm cannot install node@${version}: ${String(error).split("\n")[0]}` };
  }
}

async function installPackage(): Promise<void> {
  const { path: packagePath } = await packPackage(folder);
  mkdirSync(project);
  await run("npm", ["install", "--prefer-offline", "--ignore-scripts", "--prefix", project, packagePath], {
    cwd: project,
  });
  await copyFile(join(import.meta.dirname, "lowest-node-program.mjs"), join(project, "program.mjs"));
}

const lowest = await installNode(LOWEST);
const old = await installNode(TOO_OLD);
if ("path" in lowest || "path" in old) await installPackage();

test.after(() => rmSync(folder, { recursive: true, force: true }));

/** The environment without this Node. */
const env = { PATH: process.env.PATH ?? "", HOME: folder };
const onLowest = "a server, its command line and a client work on the lowest Node";
const onOld = "a Node below it is refused in one line, by the command and by the library";

if ("problem" in lowest) test.skip(onLowest, lowest.problem);
else {
  test(onLowest, async () => {
    const node = lowest.path;
    const serve = ["serve", "--dev", "--listen", "127.0.0.1:0"];
    await using server = new CliProcess(serve, { cwd: project, node, main });
    await server.until("the server", () => server.stdout.includes("\n"));
    const { listening } = JSON.parse(server.stdout) as { readonly listening: string };

    const call = await run(node, [main, "call", "batch_sum", '{"numbers":[1,2,3.5]}'], { cwd: project, env });
    assert.equal([call.stdout, call.stderr], ['{"count":3,"total":6.5}\n', ""]);
    const list = await run(node, [main, "keys", "list"], { cwd: project, env });
    assert.equal([list.stdout.includes("dev"), list.stderr], [true, ""]);

    const garbage = new Client(listening, grpcCredentials.createInsecure());
    const credentials = parseCredentials(readFileSync(join(project, ".sealwire", "client.json")), "client.json");
    const stream = new RawStream(garbage, credentials);
    stream.write(Buffer.from([1, 2, 3]));
    assert.is((await stream.ended).reason, "SIGNATURE_INVALID");
    garbage.close();

    const program = await run(node, ["program.mjs", join(".sealwire", "client.json")], { cwd: project, env });
    assert.is(program.stderr, "");
    const { states, ...seen } = JSON.parse(program.stdout) as { readonly states: readonly string[] };
    assert.equal(seen, { call: { count: 3, total: 6.5 }, job: { a: 1 }, pipeline: 210 } as typeof seen);
    assert.is(states.at(-1), "SUCCEEDED");

    server.child.kill("SIGTERM");
    const { code, stderr } = await server.ended;
    assert.is(code, 0);
    const lines = stderr.split("\n").slice(0, -1);
    for (const line of lines) assert.is(typeof JSON.parse(line), "object", line);
    assert.not.match(stderr, '"level":"error"');
  });
}

if ("problem" in old) test.skip(onOld, old.problem);
else {
  test(onOld, async () => {
    const refusal = `sealwire needs Node ${engines.node.replace(">=", "")} or newer, this is ${TOO_OLD}.`;
    const command = await run(old.path, [main, "--version"], { cwd: project, env }).catch((error: unknown) => error);
    const { code, stdout, stderr } = command as { code: number; stdout: string; stderr: string };
    assert.equal([code, stdout, stderr.split("\n")[0]], [2, "", `error: ${refusal}`]);
    const program = await run(old.path, ["-e", 'import("sealwire").catch((e) => console.log(e.message))'], {
      cwd: project,
      env,
    });
    assert.is(program.stdout, `${refusal}\n`);
  });
}

test.run();
