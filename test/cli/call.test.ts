import { readFile, writeFile } from "node:fs/promises";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { CliProcess, sealwire } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/call");

/** Runs `body` in a folder with credentials for a running server. */
function serving(body: (server: TestServer, folder: string) => Promise<void>, tools = ["*"]): Promise<void> {
  return inFolder(async (folder) => {
    await using server = await startServer({ clients: { alice: { tools } } });
    await writeCredentials("client.json", server.credentials());
    await body(server, folder);
  });
}

const CREDENTIALS = ["--credentials", "client.json"];
const TASK = (seconds: number, payload: string) => [
  "call",
  "start_long_task",
  `{"seconds":${seconds},"payload":${payload}}`,
];

test("call prints the result alone, and a payload comes back as it was", () =>
  serving(async () => {
    const payload = '{"":[null,-0,1e+300],"__proto__":{"deep":true},"𝄞":"\\u0000"}';
    const { code, stdout, stderr } = await run([...TASK(1, payload), ...CREDENTIALS]);
    assert.is(code, 0, stderr);
    assert.is(stdout, `{"payload":${payload}}\n`);
    assert.match(stderr, /^[\w-]+ SUCCEEDED$/m);
  }));

test("a whole number of a payload is taken in the digits that writers of JSON give it, and as it was", () =>
  serving(async () => {
    const payload = JSON.stringify({ x: 123456789012345670000, y: -(2 ** 60), z: 2 ** 60 + 2 ** 20 });
    const { code, stdout, stderr } = await run([...TASK(1, payload), ...CREDENTIALS]);
    assert.is(code, 0, stderr);
    assert.is(stdout, `{"payload":${payload}}\n`);
    assert.match(
      (await run([...TASK(1, '{"x":9007199254740993}'), ...CREDENTIALS])).stderr,
      "exactly as a JSON number",
    );
  }));

test("the environment names server and credentials, and options count more", () =>
  serving(async ({ address }) => {
    const env = { SEALWIRE_CREDENTIALS: "client.json", SEALWIRE_ADDRESS: "127.0.0.1:1" };
    const args = ["call", "batch_sum", '{"numbers":[1]}', "--timeout", "20s"];
    assert.is((await run([...args, "--address", address], { env })).stdout, '{"count":1,"total":1}\n');
    assert.is((await run(["health"], { env })).code, 4);
  }));

test("arguments come from a file or stdin", () =>
  serving(async () => {
    await writeFile("args.json", '{"numbers":[4]}');
    assert.is((await run(["call", "batch_sum", "@args.json", ...CREDENTIALS])).stdout, '{"count":1,"total":4}\n');
    const piped = await run(["call", "batch_sum", "-", ...CREDENTIALS], { stdin: '{"numbers":[5]}' });
    assert.is(piped.stdout, '{"count":1,"total":5}\n');
  }));

test("a call asks for the tools once, and for a system tool not at all", () =>
  inFolder(async () => {
    const called: (string | undefined)[] = [];
    const observer = {
      callStarted() {},
      callEnded: ({ tool }: { readonly tool?: string | undefined }) => void called.push(tool),
    };
    await using server = await startServer({ observers: [observer] });
    await writeCredentials("client.json", server.credentials());
    await run(["call", "batch_sum", '{"numbers":[1]}', ...CREDENTIALS]);
    await run(["call", "list_jobs", "{}", ...CREDENTIALS]);
    await run(["sign", "batch_sum", "{}", ...CREDENTIALS]);
    assert.equal(called, ["list_tools", "batch_sum", "list_jobs"]);
  }));

test("JSON that is broken in a file or on stdin is told by line and column, without advice on quotes", () =>
  serving(async () => {
    await writeFile("args.json", '{"numbers":\n [4,]}');
    const file = await run(["call", "batch_sum", "@args.json", ...CREDENTIALS]);
    assert.equal([file.code, file.stderr], [2, "error: The file args.json is not valid JSON at line 2, column 5.\n"]);
    const piped = await run(["call", "batch_sum", "-", ...CREDENTIALS], { stdin: "" });
    assert.equal([piped.code, piped.stderr], [2, "error: The input on stdin is not valid JSON at line 1, column 1.\n"]);
  }));

test("an enum's value that there is not is told with those that there are", () =>
  serving(async () => {
    const { code, stderr } = await run(["call", "list_jobs", '{"states":["PNG"]}', ...CREDENTIALS]);
    assert.is(code, 2);
    assert.match(stderr, 'states[0]: "PNG" is none of JOB_STATE_UNSPECIFIED, JOB_STATE_QUEUED, JOB_STATE_RUNNING');
  }));

test("the exit code tells bad arguments, refusal and an unreachable server apart", () =>
  serving(async () => {
    const cases: [string[], number, RegExp][] = [
      [["call", "batch_sum", '{"numbers":[]}'], 2, /ARGS_INVALID: .*numbers/],
      [["call", "batch_sum", '{"numbers":["x"]}'], 2, /ARGS_INVALID/],
      [["call", "start_long_task", '{"seconds":1}'], 3, /TOOL_FORBIDDEN/],
      [["call", "nope"], 3, /TOOL_FORBIDDEN/],
      [["call", "batch_summ", '{"numbers":[1]}'], 2, /no tool "batch_summ"; did you mean batch_sum\?/],
      [["jobs", "get", "no-such-job"], 2, /JOB_NOT_FOUND/],
      [
        ["tools", "--address", "127.0.0.1:1", "--retry-for", "0s"],
        4,
        /^error: UNREACHABLE: .*ECONNREFUSED 127\.0\.0\.1:1/,
      ],
      [["health", "--address", "127.0.0.1:1"], 4, /^error: UNREACHABLE: The health service does not answer/],
    ];
    for (const [args, code, expected] of cases) {
      const ended = await run([...args, ...CREDENTIALS]);
      assert.equal([ended.code, ended.stdout], [code, ""], args.join(" "));
      assert.match(ended.stderr, expected);
      assert.match(ended.stderr, /^error: .+\n {2}try: .+\n$/, args.join(" "));
    }
  }, ["batch_sum"]));

test("a key that the server does not know is refused with exit 3", () =>
  serving(async () => {
    const other = JSON.parse(await readFile("client.json", "utf8"));
    await writeFile("other.json", JSON.stringify({ ...other, key_id: "k_other" }), { mode: 0o600 });
    assert.is((await run(["tools", "--credentials", "other.json"])).code, 3);
  }));

test("the same request id gives the same job, and other arguments under it are refused", () =>
  serving(async () => {
    const detach = ["--detach", "--request-id", "once", ...CREDENTIALS];
    const { job: one } = JSON.parse((await run([...TASK(20, "{}"), ...detach])).stdout);
    const { job: two } = JSON.parse((await run([...TASK(20, "{}"), ...detach])).stdout);
    assert.is(one.jobId, two.jobId);
    assert.is(one.requestId, "once");
    const other = await run([...TASK(19, "{}"), ...detach]);
    assert.is(other.code, 2);
    assert.match(other.stderr, "REQUEST_ID_REUSED");
  }));

test("a job is listed, shown, cancelled and watched to its end", () =>
  serving(async () => {
    const { jobId } = JSON.parse((await run([...TASK(20, "{}"), "--detach", ...CREDENTIALS])).stdout).job;
    const listed = await run(["jobs", "list", "--json", "--state", "running,queued", ...CREDENTIALS]);
    assert.is(JSON.parse(listed.stdout).job.jobId, jobId);
    assert.is((await run(["jobs", "list", "--json", "--state", "failed", ...CREDENTIALS])).stdout, "");
    assert.match((await run(["jobs", "get", jobId, ...CREDENTIALS])).stdout, /^tool +start_long_task$/m);
    const cancelled = await run(["jobs", "cancel", jobId, ...CREDENTIALS]);
    assert.match(cancelled.stdout, /^(RUNNING|CANCELLED)\n$/);
    const watched = await run(["jobs", "watch", jobId, "--json", ...CREDENTIALS]);
    assert.is(watched.code, 1);
    assert.match(watched.stderr, "error: CANCELLED");
    const last = JSON.parse(watched.stdout.trimEnd().split("\n").at(-1) ?? "");
    assert.is(last.job.state, "JOB_STATE_CANCELLED");
    const got = JSON.parse((await run(["jobs", "get", jobId, "--json", ...CREDENTIALS])).stdout);
    assert.is(got.job.state, "JOB_STATE_CANCELLED");
  }));

test("a finished job shows its result to get and watch alike", () =>
  serving(async () => {
    const { jobId } = JSON.parse((await run([...TASK(1, '{"a":1}'), "--detach", ...CREDENTIALS])).stdout).job;
    const watched = await run(["jobs", "watch", jobId, ...CREDENTIALS]);
    assert.is(watched.stdout, '{"payload":{"a":1}}\n');
    const got = JSON.parse((await run(["jobs", "get", jobId, "--json", ...CREDENTIALS])).stdout);
    assert.equal(got.output.payload, { a: 1 });
    assert.match((await run(["jobs", "get", jobId, ...CREDENTIALS])).stdout, 'result    {"payload":{"a":1}}');
    assert.match((await run(["jobs", "list", ...CREDENTIALS])).stdout, /start_long_task +SUCCEEDED +\d{4}-/);
  }));

test("jobs watch --all prints a line for each state of every job until Ctrl-C", () =>
  serving(async (_server, folder) => {
    await using watch = new CliProcess(["jobs", "watch", "--all", ...CREDENTIALS], { cwd: folder });
    const json = ["jobs", "watch", "--all", "--json", "--ended-since", "2026-01-01T00:00:00Z", ...CREDENTIALS];
    await using other = new CliProcess([...json, "--tool", "start_long_task"], { cwd: folder });
    const start = async (seconds: number): Promise<string> =>
      JSON.parse((await run([...TASK(seconds, "{}"), "--detach", ...CREDENTIALS])).stdout).job.jobId;
    const long = await start(20);
    await watch.until("the open job", () => watch.stdout.includes(`${long} start_long_task RUNNING`));
    const short = await start(1);
    await run(["jobs", "cancel", long, ...CREDENTIALS]);
    for (const line of [`${short} start_long_task SUCCEEDED\n`, `${long} start_long_task CANCELLED\n`]) {
      await watch.until(line, () => watch.stdout.includes(line));
    }
    await other.until("both ends", () => /SUCCEEDED/.test(other.stdout) && /CANCELLED/.test(other.stdout));
    for (const { child, ended } of [watch, other]) {
      child.kill("SIGINT");
      const { code, stderr } = await ended;
      assert.equal([code, stderr], [130, ""]);
    }
    const lines = other.stdout.trimEnd().split("\n");
    assert.equal([...new Set(lines.map((line) => JSON.parse(line).job.jobId))].sort(), [long, short].sort());
  }));

test("jobs watch does not guess whether one job or all are meant", () =>
  serving(async () => {
    const cases: [string[], RegExp][] = [
      [[], /Give a job id, or --all/],
      [["job", "--all"], /Give a job id, or --all/],
      [["job", "--tool", "t"], /--tool cannot be combined with a job id/],
      [["--all", "--after-revision", "1"], /--after-revision cannot be combined with --all/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await run(["jobs", "watch", ...args, ...CREDENTIALS]);
      assert.equal([code, stdout], [2, ""]);
      assert.match(stderr, message);
    }
  }));

test("Ctrl-C detaches from a job and prints the command that takes it up again", () =>
  serving(async (_server, folder) => {
    await using call = new CliProcess([...TASK(2, '{"a":1}'), ...CREDENTIALS], { cwd: folder });
    await call.until("the job to run", () => call.stderr.includes("RUNNING"));
    call.child.kill("SIGINT");
    const ended = await call.ended;
    assert.equal([ended.code, ended.stdout], [130, ""]);
    const command = /^ {2}sealwire (jobs watch .+)$/m.exec(ended.stderr)?.[1] ?? "";
    assert.match(command, "--credentials client.json");
    assert.is((await sealwire(command.split(" "), { cwd: folder })).stdout, '{"payload":{"a":1}}\n');
  }));

test("tools and health speak to people and to programs", () =>
  serving(async ({ address }) => {
    const table = (await run(["tools", ...CREDENTIALS])).stdout;
    assert.match(table, /^start_long_task +job/m);
    const { tools } = JSON.parse((await run(["tools", "--json", ...CREDENTIALS])).stdout);
    assert.ok(tools.some((tool: { name: string }) => tool.name === "batch_sum"));
    assert.is((await run(["health", ...CREDENTIALS])).stdout, "SERVING\n");
    assert.is((await run(["health", "--address", address, "--json"])).stdout, '{"status":"SERVING"}\n');
    assert.is((await run(["health", "no.such.Service", ...CREDENTIALS])).code, 2);
  }));

test("sign asks the server for a contract that is not built in, and answers a wrong name as a call does", () =>
  serving(async () => {
    for (const tool of ["nope", "batch_summ"]) {
      const signed = await run(["sign", tool, "{}", ...CREDENTIALS]);
      assert.equal(signed, await run(["call", tool, "{}", ...CREDENTIALS]));
      assert.match(signed.stderr, `shows this client no tool "${tool}"`);
    }
  }));

test("a reader that goes away early is no failure", () =>
  serving(async (_server, folder) => {
    await using cli = new CliProcess(["tools", ...CREDENTIALS], { cwd: folder });
    cli.child.stdout.destroy();
    const { code, stderr } = await cli.ended;
    assert.equal([code, stderr], [0, ""]);
  }));

test.run();
