import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { SealwireClient } from "../../../src/client/client.ts";
import { parseCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { assert, suite } from "../../support/suite.ts";
import { CliServer } from "../cli-process.ts";
import { inFolder } from "../cli-run.ts";

const test = suite("cli/serve/stray-errors");

const TOOLS = fileURLToPath(import.meta.resolve("./unruly-tools.ts"));

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A server with the unruly tools, and a client of it. */
class Scene implements AsyncDisposable {
  readonly server: CliServer;
  readonly client: SealwireClient;

  private constructor(server: CliServer, client: SealwireClient) {
    this.server = server;
    this.client = client;
  }

  static async start(folder: string): Promise<Scene> {
    const server = await CliServer.start(folder, "--dev", "--tools", TOOLS, "--metrics", "127.0.0.1:0");
    const credentials = parseCredentials(await readFile(".sealwire/client.json"), "client.json");
    return new Scene(server, new SealwireClient({ credentials, timeoutMs: 30_000 }));
  }

  lines(): Line[] {
    const lines = this.server.process.stderr.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Line);
  }

  /** The lines about stray errors, once there is one that matches. */
  async strays(msg: RegExp, least = 1): Promise<Line[]> {
    const found = (): Line[] => this.lines().filter((line) => line.level === "error" && msg.test(line.msg));
    await this.server.process.until(`a line ${msg}`, () => found().length >= least);
    return found();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.server[Symbol.asyncDispose]();
  }
}

const failureOf = async (call: Promise<{ readonly error: unknown }>): Promise<unknown> => {
  const error = (await call).error as { readonly reason?: string; readonly message?: string } | undefined;
  return `${error?.reason}: ${error?.message}`;
};
const INTERNAL = "INTERNAL: The server failed unexpectedly; its log has the details.";

for (const tool of ["reject", "throw_later"]) {
  test(`a stray error of ${tool} fails its own call at once, and nobody else's`, () =>
    inFolder(async (folder) => {
      await using scene = await Scene.start(folder);
      const { client } = scene;
      const { job } = await client.call("wait_job", { numbers: [1] });
      const waiting = client.call("wait", { numbers: [1] });
      const waits = (): number => scene.lines().filter(({ msg }) => msg === "waits").length;
      await scene.server.process.until("both to run", () => waits() === 2);
      const requestId = crypto.randomUUID();
      assert.is(await failureOf(client.call(tool, { numbers: [1] }, { requestId, returnFailure: true })), INTERNAL);

      const strays = await scene.strays(/stray error of a tool; its call failed/);
      assert.is(strays.length, 1);
      assert.is(strays[0]?.tool, tool);
      assert.is(strays[0]?.client, "dev");
      assert.is(strays[0]?.request_id, requestId);
      assert.is(scene.lines().filter(({ level }) => level === "error").length, 1, "one error line");
      await scene.server.process.until("the signal", () => scene.server.process.stderr.includes("its signal aborted"));

      // What ran beside it goes on and is charged nothing.
      await client.call("open", { numbers: [1] });
      assert.equal((await (await waiting).output?.json()) as unknown, { count: 1, total: 7 });
      const done = await client.job(job?.jobId ?? "").result();
      assert.equal(await done?.json(), { count: 1, total: 1 }, "its first attempt");
      scene.server.process.child.kill("SIGTERM");
      assert.is((await scene.server.process.ended).code, 0);
    }));
}

test("a stray error in a job uses up its attempt, as a throw does", () =>
  inFolder(async (folder) => {
    await using scene = await Scene.start(folder);
    const { job } = await scene.client.call("reject_job", { numbers: [1] });
    const failed = await scene.client
      .job(job?.jobId ?? "")
      .result()
      .catch((thrown: unknown) => thrown);
    assert.match(String(failed), "The server failed unexpectedly");
    const strays = await scene.strays(/its attempt failed/, 2);
    assert.equal(
      strays.map(({ tool, job_id, attempt }) => ({ tool, job_id, attempt })),
      [1, 2].map((attempt) => ({ tool: "reject_job", job_id: job?.jobId, attempt })),
    );
  }));

test("a stray error of a call that has ended, or of no call, is logged and counted", () =>
  inFolder(async (folder) => {
    await using scene = await Scene.start(folder);
    const { client } = scene;
    assert.is((await client.call("throw_afterwards", { numbers: [1] })).ok, true);
    const [late] = await scene.strays(/its call had ended before/);
    assert.is(late?.tool, "throw_afterwards");
    await client.call("arm_module", { numbers: [1] });
    const [stray] = await scene.strays(/outside of any tool's call/);
    assert.match((stray as unknown as { readonly err: Error }).err.message, "thrown by the module");
    assert.is(stray?.tool, undefined);
    const metrics = await (await fetch(`http://${scene.server.ready.metrics}/metrics`)).text();
    assert.match(metrics, "\nsealwire_stray_errors_total 2\n");
  }));

test("the lines about stray errors are limited", () =>
  inFolder(async (folder) => {
    await using scene = await Scene.start(folder);
    await scene.client.call("reject_often", { numbers: [500] }, { returnFailure: true });
    await scene.client.call("open", { numbers: [1] });
    const metrics = await (await fetch(`http://${scene.server.ready.metrics}/metrics`)).text();
    assert.match(metrics, "\nsealwire_stray_errors_total 500\n");
    assert.is((await scene.strays(/stray error/, 10)).length, 10);
  }));

test.run();
