import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile, truncate } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SealwireClient } from "../../../src/client/client.ts";
import { parseCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { assert, suite } from "../../support/suite.ts";
import { CliProcess, CliServer } from "../cli-process.ts";
import { inFolder, run } from "../cli-run.ts";

const test = suite("cli/output/log");

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");
const TOOLS = fileURLToPath(import.meta.resolve("../serve/unruly-tools.ts"));
const MEBIBYTE = 1_048_576;

/** A server whose output goes where a test wants it to, and a client of it. */
class Scene implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly client: SealwireClient;
  readonly #metrics: string;
  readonly #ended: Promise<unknown[]>;

  private constructor(child: ChildProcess, ended: Promise<unknown[]>, client: SealwireClient, metrics: string) {
    this.child = child;
    this.client = client;
    this.#metrics = metrics;
    this.#ended = ended;
  }

  /** `command` goes before the server's own, as in `nice node …`. */
  static async start(cwd: string, stderr: "pipe" | number, command: readonly string[] = []): Promise<Scene> {
    // The line that tells a port may be what a test leaves unread.
    const port = await freePort();
    const serve = ["serve", "--dev", "--listen", "127.0.0.1:0", "--tools", TOOLS, "--metrics", `127.0.0.1:${port}`];
    const [file = "", ...args] = [...command, process.execPath, MAIN, ...serve];
    const stdio: StdioOptions = ["ignore", "pipe", stderr];
    const child = spawn(file, args, { cwd, stdio });
    const ended = once(child, "exit");
    await once(child.stdout as NodeJS.ReadableStream, "data");
    const credentials = parseCredentials(await readFile(join(cwd, ".sealwire/client.json")), "client.json");
    return new Scene(child, ended, new SealwireClient({ credentials }), `http://127.0.0.1:${port}/metrics`);
  }

  async call(tool: string, number: number): Promise<void> {
    const { output } = await this.client.call(tool, { numbers: [number] });
    assert.equal(await output?.json(), { count: 1, total: number });
  }

  /** How many lines were dropped so far, as the metrics say. */
  async dropped(): Promise<number> {
    const text = await (await fetch(this.#metrics)).text();
    return Number(/^sealwire_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
  }

  /** A job that runs is handed back and the process ends with 0. */
  async drains(): Promise<void> {
    await this.client.call("start_long_task", { seconds: 20 });
    await eventually("the job to run", async () => {
      const { jobs } = await this.client.listJobs({ states: ["RUNNING"] });
      return jobs.length > 0;
    });
    this.child.kill("SIGTERM");
    assert.equal(await this.#ended, [0, null]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    this.child.kill("SIGKILL");
    await this.#ended;
  }
}

test("a log on a full device costs lines and nothing else", () =>
  inFolder(async (folder) => {
    const full = openSync("/dev/full", "w");
    await using scene = await Scene.start(folder, full);
    closeSync(full);
    await scene.call("log", 3_000);
    await scene.call("print", 1);
    await scene.call("batch_sum", 4);
    assert.ok((await scene.dropped()) >= 1_500);
    await scene.drains();
  }));

test("a log that nobody reads holds nobody up, and tells once it is read how many lines are missing", () =>
  inFolder(async (folder) => {
    await using scene = await Scene.start(folder, "pipe");
    await scene.call("log", 6_000);
    for (let calls = 0; calls < 20; calls += 1) await scene.call("batch_sum", 4);
    assert.ok((await scene.dropped()) >= 3_000);
    let log = "";
    const stderr = scene.child.stderr as Socket;
    stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    await eventually("the line about missing lines", () => log.includes("lines were dropped"));
    const lines = log.split("\n").slice(0, -1);
    const missing = lines
      .map((line) => JSON.parse(line) as { readonly dropped?: number })
      .reduce((sum, { dropped = 0 }) => sum + dropped, 0);
    const much = lines.filter((line) => line.includes('"msg":"much"')).length;
    assert.ok(missing >= 6_000 - much, `${missing} told, ${much} of 6000 written`);
    await scene.call("batch_sum", 4);
    await scene.drains();
  }));

test("a log that is never read does not hold up the end", () =>
  inFolder(async (folder) => {
    await using scene = await Scene.start(folder, "pipe");
    await scene.call("log", 3_000);
    await scene.call("print", 3_000);
    await scene.drains();
  }));

test("output whose readers are gone costs output and nothing else", () =>
  inFolder(async (folder) => {
    await using scene = await Scene.start(folder, "pipe");
    scene.child.stdout?.destroy();
    scene.child.stderr?.destroy();
    for (let calls = 0; calls < 5; calls += 1) {
      await scene.call("print", 100);
      await scene.call("log", 100);
    }
    await scene.drains();
  }));

test("output that a tool prints and nobody reads takes bounded memory", () =>
  inFolder(async (folder) => {
    await using scene = await Scene.start(folder, "pipe");
    scene.child.stdout?.pause();
    await scene.call("print", 20_000);
    assert.ok((await scene.dropped()) >= 30_000);
    await scene.drains();
  }));

test("a log on a file that cannot grow goes on once it can again", () =>
  inFolder(async (folder) => {
    const path = join(folder, "server.log");
    const file = openSync(path, "a");
    // Longer than the limit already, while the store's files are far below it.
    await truncate(path, 64 * MEBIBYTE);
    await using scene = await Scene.start(folder, file, ["prlimit", `--fsize=${32 * MEBIBYTE}`]);
    closeSync(file);
    await scene.call("log", 3_000);
    await scene.call("batch_sum", 4);
    assert.ok((await scene.dropped()) >= 1_500);
    await truncate(path, 0);
    await eventually("the line about missing lines", async () =>
      (await readFile(path, "utf8")).includes("lines were dropped"),
    );
    await scene.drains();
    const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
    for (const line of lines) JSON.parse(line);
    assert.match(lines.at(-1) ?? "", '"msg":"drained"');
  }));

test("what Node warns of is a line among the others", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--tools", TOOLS);
    assert.is((await run(["call", "warn", '{"numbers":[1]}'])).code, 0);
    server.process.child.kill("SIGTERM");
    const { stderr } = await server.process.ended;
    const lines = stderr
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const { level, warning, code, msg } = lines.find((line) => "warning" in line) ?? {};
    assert.equal([level, warning, code, msg], ["warn", "TestWarning", "TEST_1", "of its own kind"]);
  }));

test("a data command ends well when the reader of its data goes away", () =>
  inFolder(async (folder) => {
    await using _server = await CliServer.start(folder, "--dev");
    await using call = new CliProcess(["jobs", "watch", "--all"], { cwd: folder });
    call.child.stdout.destroy();
    // Long enough to be open still when the watch begins.
    assert.is((await run(["call", "start_long_task", '{"seconds":20}', "--detach"])).code, 0);
    assert.equal([(await call.ended).code, call.stderr], [0, ""]);
  }));

test.run();
