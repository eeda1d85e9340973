// test-limit-ms: 600000
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { packPackage } from "../support/packed-package.ts";
import { assert, suite } from "../support/suite.ts";
import { userEnvironment } from "../support/user-environment.ts";

/* From the packed package alone to a served tool of one's own, in an empty folder. */
const test = suite("package/init");

const run = promisify(execFile);
const home = await mkdtemp(join(tmpdir(), "sealwire-init-"));
const project = join(home, "greeter");

test.before(async () => {
  await packPackage(home);
  await mkdir(project);
});
test.after(() => rm(home, { recursive: true }));

async function type(command: string, ...args: readonly string[]): Promise<string> {
  return (await run(command, args, { cwd: project, env: userEnvironment() })).stdout;
}

test("four commands lead to a tool that answers, and the project passes its own checks", async () => {
  const tarball = (await readdir(home)).find((name) => name.endsWith(".tgz")) ?? "";
  await type("npm", "install", "--prefer-offline", `../${tarball}`);
  await type("npx", "--no-install", "sealwire", "init");
  await type("npm", "install", "--prefer-offline");
  const server = spawn("npm", ["run", "--silent", "serve", "--", "--listen", "127.0.0.1:0"], {
    cwd: project,
    env: userEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  let stderr = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  try {
    const ready = await new Promise<string>((resolve, reject) => {
      createInterface({ input: server.stdout })
        .once("line", resolve)
        .once("close", () => reject(new Error(stderr)));
    });
    const { listening } = JSON.parse(ready) as { listening: string };
    assert.match(listening, /^127\.0\.0\.1:\d+$/);
    const call = (...args: string[]) => type("npx", "--no-install", "sealwire", "call", ...args);
    assert.is(await call("greet", '{"name": "Ada"}'), '{"text":"Hello, Ada!"}\n');
    assert.is(await call("greet_slowly", '{"name": "Ada"}'), '{"text":"Hello at last, Ada!"}\n');
    assert.match(await type(process.execPath, "client.ts"), /^Hello, Ada!\n[\s\S]*Hello at last, Ada!\n$/);
    await type("npm", "run", "check");
  } finally {
    process.kill(-(server.pid ?? 0), "SIGINT");
    await exited;
  }
});

test.run();
