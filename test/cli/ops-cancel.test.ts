import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { eventually } from "../support/eventually.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";
import { type Ended, inFolder, run } from "./cli-run.ts";

/* `ops cancel` with filters. */
const test = suite("cli/ops-cancel");

const ARGS = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };
/** Stops when it is cancelled. */
const hold = {
  job: {},
  run: (_numbers: number[], { signal }: { signal: AbortSignal }): Promise<number> =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
};
const { tools, descriptors } = testService({ Hold: hold, Other: hold });

type Cancel = (...words: string[]) => Promise<Ended>;

/** Runs `body` beside a server that runs one job at a time, with `jobs` jobs of each client and tool. */
function withJobs(
  jobs: Readonly<Record<string, number>>,
  body: (site: { readonly server: TestServer; readonly as: (client: string) => Promise<Cancel> }) => Promise<void>,
): Promise<void> {
  return inFolder(async () => {
    await using server = await startServer({
      tools: [tools],
      descriptors: [descriptors],
      work: { concurrency: 1 },
      audit: { to: "audit.jsonl" },
      clients: { runaway: {}, calm: {}, ann: { role: "operator" }, vic: { role: "viewer" } },
    });
    for (const [name, count] of Object.entries(jobs)) {
      const [client = "", tool = ""] = name.split(" ");
      for (let job = 0; job < count; job += 1) await server.client(client).call(tool, ARGS);
    }
    await eventually("one of them runs", async () => (await server.store.jobs.stats()).byState.RUNNING === 1);
    await body({
      server,
      async as(client) {
        await writeCredentials(`${client}.json`, server.credentials(client));
        return (...words) => run(["ops", ...words, "--credentials", `${client}.json`]);
      },
    });
  });
}

async function openJobs(server: TestServer): Promise<readonly string[]> {
  const { jobs } = await server.store.operator.jobs({ states: ["QUEUED", "RUNNING"], pageSize: 500 });
  return jobs.map(({ owner, tool }) => `${owner} ${tool}`);
}

test("the open jobs of one client are cancelled, queued ones before those that run, and no others", () =>
  withJobs({ "runaway hold": 30, "calm hold": 2, "runaway other": 1 }, async ({ server, as }) => {
    const ops = await as("ann");
    const dry = await ops("cancel", "--client", "runaway", "--tool", "hold", "--dry-run");
    assert.is(dry.code, 0);
    assert.match(dry.stdout, /^JOB +CLIENT +TOOL +STATE /);
    assert.is(dry.stdout.match(/ runaway +hold /g)?.length, 30);
    assert.match(dry.stderr, "30 open jobs fit; none was cancelled.");
    const unsure = await ops("cancel", "--client", "runaway", "--tool", "hold");
    assert.equal([unsure.code, unsure.stdout], [2, ""]);
    assert.match(unsure.stderr, /30 open jobs fit; none was cancelled\.\n.*Give --yes to cancel, or --dry-run/);
    assert.is((await openJobs(server)).length, 33);

    const done = await ops("cancel", "--client", "runaway", "--tool", "hold", "--yes");
    assert.equal([done.code, done.stderr], [0, ""]);
    assert.is(done.stdout, "29 cancelled, 1 told to stop, 0 had already ended.\n");
    await eventually("the running job has stopped", async () => (await openJobs(server)).length === 3);
    assert.equal([...(await openJobs(server))].sort(), ["calm hold", "calm hold", "runaway other"]);
    const { jobs } = await server.store.operator.jobs({ states: ["CANCELLED"], owner: "runaway", pageSize: 500 });
    // Had the running one been told first, another would have begun in its place.
    assert.is(jobs.filter(({ attempt }) => attempt > 0).length, 1);
    const lines = await ops("audit", "--action", "operator.begin", "--client", "ann", "--limit", "500", "--json");
    assert.is(
      new Set(
        lines.stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line).jobId),
      ).size,
      30,
    );
  }));

test("with --json there is an answer for each job, and a limit leaves the older ones", () =>
  withJobs({ "runaway hold": 5 }, async ({ server, as }) => {
    const ops = await as("ann");
    const { code, stdout, stderr } = await ops("cancel", "--tool", "hold", "--limit", "3", "--yes", "--json");
    const answers = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal([code, answers.length], [0, 3]);
    for (const { job, instance } of answers) {
      assert.equal([job.clientId, job.job.state], ["runaway", "JOB_STATE_CANCELLED"]);
      assert.is(instance, server.store.instanceId);
    }
    assert.match(stderr, /^3 cancelled, 0 told to stop, 0 had already ended\.\nThere are more open jobs than these 3;/);
    assert.is((await openJobs(server)).length, 2);
    const none = await ops("cancel", "--tool", "absent", "--yes");
    assert.equal([none.code, none.stdout], [0, "0 cancelled, 0 told to stop, 0 had already ended.\n"]);
    const queued = await ops(
      "cancel",
      "--tool",
      "hold",
      "--state",
      "queued",
      "--since",
      "2026-01-01T00:00:00Z",
      "--yes",
    );
    assert.is(queued.stdout, "1 cancelled, 0 told to stop, 0 had already ended.\n");
    assert.is((await ops("cancel", "--tool", "hold", "--before", "2026-01-01T00:00:00Z", "--yes")).code, 0);
    assert.is((await openJobs(server)).length, 1);
  }));

test("an empty filter, as of a variable that is not set, is refused and selects nothing", () =>
  withJobs({ "runaway hold": 2, "calm hold": 1 }, async ({ server, as }) => {
    const ops = await as("ann");
    for (const [option, ...others] of [
      ["--client"],
      ["--tool", "--client", "calm"],
      ["--state", "--client", "calm"],
    ] as const) {
      const { code, stdout, stderr } = await ops("cancel", option, "", ...others, "--yes");
      assert.equal([code, stdout], [2, ""], option);
      assert.match(stderr, "Leave the option out for all.");
    }
    assert.is((await openJobs(server)).length, 3);
    for (const [command, option] of [
      ...["--client", "--key", "--job", "--action", "--outcome", "--reason"].map((each) => ["audit", each] as const),
      ...["--client", "--tool", "--state"].map((each) => ["jobs", each] as const),
      ["keys", "--client"],
    ] as const) {
      assert.is((await ops(command, option, "")).code, 2, `${command} ${option}`);
    }
  }));

test("a viewer cancels nothing, and is told so at the first job", () =>
  withJobs({ "runaway hold": 20 }, async ({ server, as }) => {
    const ops = await as("vic");
    assert.is((await ops("cancel", "--client", "runaway", "--dry-run")).code, 0);
    const { code, stdout, stderr } = await ops("cancel", "--client", "runaway", "--yes");
    assert.is(code, 3);
    assert.is(stdout, "0 cancelled, 0 told to stop, 0 had already ended.\n");
    assert.match(stderr, /20 of 20 jobs were left/);
    assert.match(stderr, "TOOL_FORBIDDEN");
    assert.is((await openJobs(server)).length, 20);
  }));

test("an operator whose key has a low rate cancels all the same", () =>
  inFolder(async () => {
    const limits = { callsPerSecond: 20, burst: 2, callsInFlight: 2 };
    await using server = await startServer({
      ...{ tools: [tools], descriptors: [descriptors], work: { concurrency: 1 } },
      clients: { runaway: {}, ann: { role: "operator", limits } },
    });
    for (let job = 0; job < 12; job += 1) await server.client("runaway").call("hold", ARGS);
    await writeCredentials("ann.json", server.credentials("ann"));
    const { code, stdout } = await run([
      ...["ops", "cancel", "--client", "runaway", "--state", "QUEUED", "--yes", "--credentials", "ann.json"],
    ]);
    assert.equal([code, stdout.split(" ")[0]], [0, "11"]);
  }));

test("what selects nothing, or contradicts itself, is refused by name before anything is sent", () =>
  inFolder(async () => {
    const says = async (...words: string[]): Promise<string> => {
      const { code, stderr } = await run(["ops", "cancel", ...words, "--credentials", "absent.json"]);
      assert.is(code, 2, words.join(" "));
      return stderr;
    };
    for (const words of [[], ["--yes"], ["--state", "QUEUED", "--yes"], ["--dry-run"]])
      assert.match(await says(...words), /No job to cancel is given\.\n.*--client, --tool, --since, --before/);
    for (const [name, ...rest] of [
      ["--client", "app"],
      ["--state", "QUEUED"],
      ["--yes"],
      ["--dry-run"],
      ["--limit", "3"],
    ])
      assert.match(await says("job-1", name as string, ...rest), `${name} cannot be combined with a job id`);
    assert.match(await says("--client", "app", "--state", "FAILED", "--yes"), "A job in the state FAILED has ended");
    assert.match(await says("--client", "app", "--state", "WAITING", "--yes"), '"WAITING" is not a job state');
    assert.match(await says("--client", "app", "--yes", "--dry-run"), /--dry-run.*cannot be used with.*--yes/);
  }));

test.run();
