// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { CliProcess, CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/probes");

const FILE = "health";
const SUM = ["call", "batch_sum", '{"numbers":[1,2]}'];

/** What probes of the examples run: whether the process is alive, and whether it takes calls. */
const LIVE = `test -n "$(find ${FILE} -mmin -1)"`;
const READY = `${LIVE} && grep -qx SERVING ${FILE}`;

/** Whether a probe passes. */
function passes(probe: string): Promise<boolean> {
  return new Promise((resolve) => execFile("sh", ["-c", probe], (error) => resolve(error === null)));
}

/** Makes the file look as it would after so many seconds without a touch. */
async function age(seconds: number): Promise<void> {
  const then = Date.now() / 1_000 - seconds;
  await utimes(FILE, then, then);
}

test("the health file passes both probes while the server serves, and is gone when it ended", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--health-file", FILE);
    assert.equal([await passes(LIVE), await passes(READY)], [true, true]);
    assert.is((await stat(FILE)).mode & 0o777, 0o644);
    await age(90);
    await eventually("the file is touched again", () => passes(READY));
    server.process.child.kill("SIGTERM");
    assert.is((await server.process.ended).code, 0);
    assert.not.ok(existsSync(FILE));
  }));

test("a process that is stopped touches its file no more, and fails both probes after a minute", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--health-file", FILE);
    server.process.child.kill("SIGSTOP");
    const state = () => readFile(`/proc/${server.process.child.pid}/stat`, "utf8");
    await eventually("the process is stopped", async () => /^\d+ \(.*\) T /.test(await state()));
    await age(30);
    assert.equal([await passes(LIVE), await passes(READY)], [true, true]);
    await age(61);
    assert.equal([await passes(LIVE), await passes(READY)], [false, false]);
    server.process.child.kill("SIGCONT");
    await eventually("it is well again", () => passes(READY));
  }));

test("during the drain delay health says NOT_SERVING, calls are taken, and the process is alive", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--health-file", FILE, "--drain-delay", "10m");
    server.process.child.kill("SIGTERM");
    await eventually("health says so", async () => (await run(["health"])).stdout === "NOT_SERVING\n");
    await eventually("the file says so", async () => !(await passes(READY)));
    assert.is(await passes(LIVE), true);
    const called = await run(SUM);
    assert.equal([called.code, called.stdout], [0, '{"count":2,"total":3}\n'], called.stderr);
    server.process.child.kill("SIGTERM");
    assert.is((await server.process.ended).code, 1);
  }));

test("after the drain delay the server drains and ends by itself", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--drain-delay", "300ms");
    const startMs = performance.now();
    server.process.child.kill("SIGTERM");
    const { code, stderr } = await server.process.ended;
    assert.is(code, 0, stderr);
    assert.match(stderr, /"drained"/);
    assert.ok(performance.now() - startMs >= 300);
  }));

test("what an earlier process left does not make one ready that still starts, and goes where that fails", () =>
  inFolder(async () => {
    await writeFile(FILE, "SERVING\n");
    await writeFile("late.mjs", `import { copyFileSync } from "node:fs"; copyFileSync("${FILE}", "seen");`);
    const { code, stderr } = await run([
      "serve",
      "--dev",
      "--log-level",
      "silent",
      "--tools",
      "late.mjs",
      "--health-file",
      FILE,
    ]);
    assert.is(code, 2);
    assert.match(stderr, "must export `tools`");
    assert.is(await readFile("seen", "utf8"), "NOT_SERVING\n");
    assert.not.ok(existsSync(FILE));
  }));

test("a health file that cannot be written is refused with its name", () =>
  inFolder(async () => {
    const { code, stderr } = await run(["serve", "--dev", "--log-level", "silent", "--health-file", "none/health"]);
    assert.is(code, 2);
    assert.match(stderr, /none\/health cannot be written \(ENOENT\).*\n.*--health-file/);
  }));

const outside = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

test("metrics are served beyond loopback only by their own option, which the refusal names", () =>
  inFolder(async (folder) => {
    const refused = await run(["serve", "--dev", "--log-level", "silent", "--metrics", "0.0.0.0:0"]);
    assert.is(refused.code, 2);
    assert.match(refused.stderr, "--metrics-public");
    await using server = await CliServer.start(folder, "--dev", "--metrics", "0.0.0.0:0", "--metrics-public");
    const { metrics = "" } = server.ready;
    for (const host of ["127.0.0.1", ...(outside === undefined ? [] : [outside])]) {
      const text = await (await fetch(`http://${metrics.replace("0.0.0.0", host)}/metrics`)).text();
      assert.match(text, "sealwire_jobs");
    }
  }));

if (hasPostgres(test)) {
  test("a worker has the same file and metrics, and its file says NOT_SERVING while it drains", () =>
    inFolder(async (folder) => {
      await using postgres = await PostgresServer.start();
      const env = { SEALWIRE_STORE: postgres.url(await postgres.newSchema()) };
      await using server = new CliProcess(["serve", "--dev", "--no-work", "--listen", "127.0.0.1:0"], {
        cwd: folder,
        env,
      });
      await server.until("the server", () => server.stdout.includes("\n"));
      const options = ["--health-file", FILE, "--metrics", "0.0.0.0:0", "--metrics-public", "--drain-timeout", "10m"];
      await writeFile("deaf.mjs", DEAF);
      await using worker = new CliProcess(["work", "--tools", "./deaf.mjs", ...options], { cwd: folder, env });
      await worker.until("the worker", () => worker.stdout.includes("\n"));
      assert.is(await passes(READY), true);
      const started = await run(["call", "start_long_task", '{"seconds":1}', "--detach"]);
      assert.is(started.code, 0, started.stderr);
      await eventually("the job runs", () => existsSync("running"));
      worker.child.kill("SIGTERM");
      await eventually("the file says so", async () => !(await passes(READY)));
      assert.is(await passes(LIVE), true);
      worker.child.kill("SIGTERM");
      assert.is((await worker.ended).code, 1);
    }));
}

/** Tools whose job says that it runs, and never ends. */
const DEAF = `
  import { writeFileSync } from "node:fs";
  import { implement } from "${new URL("../../src/tools/implement.ts", import.meta.url).href}";
  import { DemoToolServiceDefinition } from "${new URL("../../gen/sealwire/demo/v1/demo_tool_service.ts", import.meta.url).href}";
  export const tools = [implement(DemoToolServiceDefinition, {
    batchSum: () => ({ count: 0, total: 0 }),
    startLongTask() { writeFileSync("running", ""); return new Promise(() => {}); },
  })];
  export const descriptors = [];`;

test.run();
