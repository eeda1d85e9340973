// test-limit-ms: 300000
import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SealwireClient } from "../../src/client/client.ts";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { actionsOf, fillDisk, linesOf } from "./audit-lines.ts";
import { CliProcess, CliServer, sealwire } from "./cli-process.ts";
import { type Ended, inFolder, run } from "./cli-run.ts";

/* Audit logs of servers and workers whose heads are in a shared store on PostgreSQL. */
const test = suite("cli/audit-shared");

const TASK = { seconds: 1 };
const DEV = ["--dev", "--no-work"];

test("a worker says what its audit log needs", () =>
  inFolder(async () => {
    const env = { SEALWIRE_STORE: "postgres://127.0.0.1:1/none" };
    const work = (...args: readonly string[]) => run(["work", "--demo-tools", ...args], { env });
    writeFileSync("loose.json", '{"server_secrets": []}');
    chmodSync("loose.json", 0o644);
    for (const [args, said] of [
      [["--audit-required"], /has no place\./],
      [["--audit", "a.log"], /There is no key ring .*key-ring\.json/],
      [["--audit", "a.log", "--key-ring", "none.json"], /There is no key ring none\.json/],
      [["--audit", "a.log", "--server-secret-file", "none.json"], /none\.json/],
      [["--audit", "a.log", "--server-secret-file", "loose.json"], /loose\.json/],
      [["--audit", "a.log", "--server-secret-file", "exec:"], /no command after exec:/],
    ] as const) {
      const { code, stderr } = await work(...args);
      assert.is(code, 2, stderr);
      assert.match(stderr, said);
    }
    assert.is(existsSync("a.log"), false);
  }));

if (hasPostgres(test)) {
  let postgres: PostgresServer;
  test.before(async () => {
    postgres = await PostgresServer.start();
  });
  test.after(() => postgres[Symbol.asyncDispose]());

  /** A folder with a store of its own, whose commands use it. */
  interface Place {
    readonly folder: string;
    readonly env: Readonly<Record<string, string>>;
    serve(...args: readonly string[]): Promise<CliServer>;
    /** Starts a worker with an audit log, and waits for its line. */
    work(log: string, ...args: readonly string[]): Promise<CliProcess>;
    verify(...args: readonly string[]): Promise<Ended>;
  }

  const withStore = (body: (place: Place) => Promise<void>): Promise<void> =>
    inFolder(async (folder) => {
      const env = { SEALWIRE_STORE: postgres.url(await postgres.newSchema()) };
      await body({
        ...{ folder, env },
        serve: (...args) => CliServer.start({ folder, env }, ...args),
        async work(log, ...args) {
          const words = ["work", "--demo-tools", "--audit", log, ...args];
          const worker = new CliProcess(words, { cwd: folder, env });
          await worker.until("the worker", () => worker.stdout.includes('"working"'));
          return worker;
        },
        // Without --data the ring of a command with a shared store is the one in the store.
        verify: (...args) =>
          sealwire(["audit", "verify", "--key-ring", ".sealwire/key-ring.json", ...args], { cwd: folder, env }),
      });
    });

  const clientOf = async ({ folder, ready }: CliServer): Promise<SealwireClient> =>
    new SealwireClient({
      credentials: await readCredentials(join(folder, ".sealwire", "client.json")),
      address: ready.listening,
    });

  const stop = async (process: CliProcess): Promise<void> => {
    process.child.kill("SIGTERM");
    assert.is((await process.ended).code, 0, process.stderr);
  };

  /** Copies of a log, each with another kind of tampering, and what is said of it. */
  const tampered = (lines: readonly string[]): readonly (readonly [string, readonly string[], RegExp])[] => {
    const [first = "", second = "", third = "", ...rest] = lines;
    return [
      ["changed", [first, second.replace(/"outcome":"\w+"/, '"outcome":"refused"'), third, ...rest], /was changed/],
      ["removed", [first, third, ...rest], /line 2 is missing/],
      ["added", [first, second, second, third, ...rest], /moved or repeated/],
      ["moved", [first, third, second, ...rest], /moved or repeated/],
      ["cut", lines.slice(0, -1), /is missing at the end of the chain/],
    ];
  };

  const checkTampering = async ({ folder, verify }: Place, log: string): Promise<void> => {
    const whole = await verify(log);
    assert.is(whole.code, 0, whole.stderr);
    assert.match(whole.stderr, /^Nothing is wrong with \d+ lines\.\n$/);
    const lines = readFileSync(join(folder, log), "utf8").trimEnd().split("\n");
    for (const [kind, changed, said] of tampered(lines)) {
      writeFileSync(join(folder, kind), `${changed.join("\n")}\n`);
      const { code, stderr } = await verify(kind);
      assert.is(code, 1, kind);
      assert.match(stderr, said, kind);
    }
  };

  test("two servers with one store have a log each, and the store knows where each of them ends", () =>
    withStore(async (place) => {
      const { serve, verify, folder } = place;
      await using one = await serve("--dev", "--audit", "one.log");
      await using two = await serve("--dev", "--audit", "two.log");
      for (const [server, calls] of [
        [one, 1],
        [two, 4],
      ] as const) {
        await using client = await clientOf(server);
        for (let i = 0; i < calls; i += 1) await client.call("start_long_task", TASK);
      }
      for (const log of ["one.log", "two.log"]) assert.is((await verify(log)).code, 0, "while the servers run");
      await stop(one.process);
      await stop(two.process);
      const chains = new Set(["one.log", "two.log"].map((log) => linesOf(join(folder, log))[0]?.chain));
      assert.is(chains.size, 2);
      await checkTampering(place, "one.log");
      await checkTampering(place, "two.log");
      // Each begin is in the file of the server that was called.
      assert.is(actionsOf(join(folder, "one.log"), "call.begin").length, 1);
      assert.is(actionsOf(join(folder, "two.log"), "call.begin").length, 4);
    }));

  test("a worker writes the start and the end of each job that it runs, in a log of its own", () =>
    withStore(async (place) => {
      const { serve, work, folder } = place;
      await using server = await serve(...DEV, "--audit", "server.log");
      await using worker = await work("worker.log", "--audit-required", "--metrics", "127.0.0.1:0");
      const { metrics } = JSON.parse(worker.stdout) as { readonly metrics: string };
      await using client = await clientOf(server);
      const { job } = await client.call("start_long_task", TASK);
      await client.job(job?.jobId ?? "").result();
      await eventually("the end", () => actionsOf(join(folder, "worker.log"), "job.end").length === 1);
      const figures = await (await fetch(`http://${metrics}/metrics`)).text();
      assert.match(figures, /\nsealwire_audit_lines_total 3\n/);
      await stop(worker);
      await stop(server.process);
      const lines = linesOf(join(folder, "worker.log"));
      assert.equal(
        lines.map(({ action, outcome }) => [action, outcome]),
        [
          ["log.open", "succeeded"],
          ["job.start", "begun"],
          ["job.end", "succeeded"],
          ["log.close", "succeeded"],
        ],
      );
      const [, start, end] = lines;
      assert.equal([start?.job_id, end?.job_id, start?.attempt], [job?.jobId, job?.jobId, 1]);
      const [begin] = actionsOf(join(folder, "server.log"), "call.begin");
      assert.equal([start?.server, start?.args_sha256], [begin?.server, begin?.args_sha256]);
      assert.is.not(start?.instance, begin?.instance);
      assert.equal(actionsOf(join(folder, "server.log"), "job.start"), []);
      await checkTampering(place, "worker.log");
    }));

  test("a worker opens its log again after SIGHUP, and nobody else may write it meanwhile", () =>
    withStore(async ({ folder, env, serve, work, verify }) => {
      const [log, rotated] = [join(folder, "worker.log"), join(folder, "worker.log.1")];
      await using server = await serve(...DEV);
      await using client = await clientOf(server);
      await using worker = await work("worker.log");
      const runJob = async (): Promise<void> => {
        const { job } = await client.call("start_long_task", TASK);
        await client.job(job?.jobId ?? "").result();
      };
      await runJob();
      await eventually("the end", () => actionsOf(log, "job.end").length === 1);
      renameSync(log, rotated);
      worker.child.kill("SIGHUP");
      await eventually("the new file", () => existsSync(log) && actionsOf(log, "log.open").length === 1);
      await runJob();
      await eventually("the end", () => actionsOf(log, "job.end").length === 1);
      await using other = new CliProcess(["work", "--demo-tools", "--audit", "worker.log"], { cwd: folder, env });
      const { code, stderr } = await other.ended;
      assert.equal([code, /Another process writes the audit log/.test(stderr)], [2, true], stderr);
      await stop(worker);
      const verified = await verify("worker.log.1", "worker.log");
      assert.is(verified.code, 0, verified.stderr);
      assert.equal(
        [...linesOf(rotated), ...linesOf(log)].map(({ sequence }) => sequence),
        [1, 2, 3, 4, 5, 6, 7],
      );
    }));

  test("a worker gets the server secret from a command, for the ring in the database", () =>
    withStore(async ({ folder, env, work }) => {
      const secrets = ["--server-secret-file", "exec:cat secrets.json"];
      const add = ["keys", "add", "ann", "--server-id", "shared", "--tools", "*", "--out", "ann.json"];
      const added = await run([...add, "--server-secret-file", "secrets.json"], { env });
      assert.is(added.code, 0, added.stderr);
      {
        await using other = new CliProcess(
          ["work", "--demo-tools", "--audit", "other.log", "--server-id", "other", ...secrets],
          { cwd: folder, env },
        );
        const { code, stderr } = await other.ended;
        assert.equal(
          [code, /serverId is "other", but the key ring belongs to "shared"/.test(stderr)],
          [2, true],
          stderr,
        );
      }
      await using worker = await work("worker.log", ...secrets);
      await stop(worker);
      assert.equal(
        linesOf(join(folder, "worker.log")).map(({ server }) => server),
        ["shared", "shared"],
      );
      const verified = await sealwire(["audit", "verify", "worker.log", ...secrets], { cwd: folder, env });
      assert.is(verified.code, 0, verified.stderr);
      assert.not.match(verified.stderr, "no store");
    }));

  test("a worker that was killed in an attempt goes on with its log, and the attempt has no end in it", () =>
    withStore(async ({ folder, serve, work, verify }) => {
      const log = join(folder, "worker.log");
      await using server = await serve(...DEV);
      await using client = await clientOf(server);
      await using first = await work("worker.log");
      const { job } = await client.call("start_long_task", { seconds: 20 });
      await eventually("the start", () => actionsOf(log, "job.start").length === 1);
      first.child.kill("SIGKILL");
      await first.ended;
      // What a kill in the middle of a line leaves.
      appendFileSync(log, readFileSync(log, "utf8").slice(0, 200));
      await using second = await work("worker.log");
      const other = await client.call("start_long_task", TASK);
      await client.job(other.job?.jobId ?? "").result();
      await eventually("the end", () => actionsOf(log, "job.end").length === 1);
      await client.job(job?.jobId ?? "").cancel();
      await stop(second);
      const { code, stderr } = await verify("worker.log");
      assert.is(code, 0, stderr);
      assert.match(stderr, /note: .*incomplete, as the next line says/);
      const ofJob = linesOf(log).filter(({ job_id, attempt }) => job_id === job?.jobId && attempt === 1);
      assert.equal(ofJob.map(({ action }) => action).slice(0, 1), ["job.start"]);
      assert.is(new Set(linesOf(log).map(({ instance }) => instance)).size, 2);
    }));

  const FULL = "on a full disk a required log lets a worker claim nothing, and what ran before has its end afterwards";
  const full = (): Promise<void> =>
    withStore(async ({ folder, serve, work, verify }) => {
      const log = join(folder, "worker.log");
      await using server = await serve(...DEV);
      await using client = await clientOf(server);
      await using worker = await work("worker.log", "--audit-required");
      const start = async (seconds: number) =>
        client.job((await client.call("start_long_task", { seconds })).job?.jobId ?? "");
      const before = await start(3);
      await eventually("the start", () => actionsOf(log, "job.start").length === 1);
      const makeSpace = fillDisk(worker.child.pid, log);
      const meanwhile = await start(1);
      await worker.until("the failure", () => worker.stderr.includes("the audit log cannot be written"));
      await before.result();
      const { state } = await meanwhile.poll();
      assert.equal([state, actionsOf(log, "job.end").length], ["QUEUED", 0]);
      makeSpace();
      await meanwhile.result();
      // One claim meets the full disk, one runs the job. A worker that goes on claiming makes one more each second.
      const { attempts = [] } = await meanwhile.poll({ includeAttempts: true });
      assert.ok(attempts.length <= 2, JSON.stringify(attempts));
      await eventually("the ends", () => actionsOf(log, "job.end").length === 2);
      const of = (jobId: string) =>
        linesOf(log)
          .filter(({ job_id }) => job_id === jobId)
          .map(({ action }) => action);
      assert.equal(of(before.jobId), ["job.start", "job.end"]);
      assert.equal(of(meanwhile.jobId).slice(-2), ["job.start", "job.end"]);
      const lost = actionsOf(log, "log.resume").map(({ details }) => details?.lost);
      assert.ok(lost.length > 0 && lost.every((lines) => lines === 0), lost.join());
      await stop(worker);
      const { code, stderr } = await verify("worker.log");
      assert.is(code, 0, stderr);
    });
  if (spawnSync("prlimit", ["--version"]).status === 0) test(FULL, full);
  else test.skip(FULL, "this system has no prlimit", full);
}

test.run();
