// test-limit-ms: 600000
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import { Client, credentials as channelCredentials, type ServiceError } from "@grpc/grpc-js";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { readStatusDetails } from "../../src/wire/status.ts";
import { CliProcess, type StartOptions, sealwire } from "../cli/cli-process.ts";
import type { Ended } from "../cli/cli-run.ts";
import { assert, skipped, suite } from "../support/suite.ts";
import { type FileResult, runTestFile } from "../support/test-process.ts";
import { buildRelease, HERE, type Release, releaseProblem } from "./release.ts";

/* Clients and servers of 0.1.0 and of now, with each other. What holds stands in docs/upgrade.md, "Clients and servers". */

const FILES = ["client", "drains", "foreign-jobs", "killed", "replicas", "watch-jobs"];
const LIMIT_MS = 120_000;
const CALL_REQUEST = messageDesc(builtinImage(), "sealwire.v1.CallRequest");

/** How long a store refuses frames that it cannot tell to be new. */
const UNKNOWN_FOR_MS = 10_000;
/** Files that are run at a time; most of what they do is wait. */
const AT_ONCE = 2;

interface Exchange {
  readonly what: string;
  /** Whose tests and server they are. */
  readonly tests: () => string;
  /** Whose client it is, and the ending of its files. */
  readonly client: () => string;
  readonly ending: ".ts" | ".js";
  /** Tests of what has changed in the client, which do not hold for the other version's. */
  readonly differs: Readonly<Record<string, readonly string[]>>;
}

const EXCHANGES: readonly Exchange[] = [
  {
    what: "of this version passes with the built client of 0.1",
    tests: () => HERE,
    client: () => join(release.root, "dist"),
    ending: ".js",
    // 0.1 sends such a request, and the server cannot sign its refusal.
    differs: { client: both("arguments that make a request above 1 MiB are refused before anything is sent") },
  },
  {
    what: "of 0.1 passes with the client of this version",
    tests: () => release.root,
    client: () => HERE,
    ending: ".ts",
    differs: { client: both("a request above 1 MiB is refused, which nobody can sign") },
  },
];

/** The client's tests are run with a request per call and over one stream. */
function both(name: string): readonly string[] {
  return [name, `${name}, over one stream`];
}

const problem = await releaseProblem();
const inner = suite("compatibility/release");
const test = problem === undefined ? inner : skipped(inner, problem);

let release: Release;

const ran = new Map<string, Promise<FileResult>>();

test.before(async () => {
  release = await buildRelease();
  startAll();
});
test.after(() => release?.[Symbol.asyncDispose]());

for (const exchange of EXCHANGES) {
  for (const file of FILES) {
    test(`e2e/${file} ${exchange.what}`, async () => {
      const { passed, failedTests, problems, output } = (await ran.get(nameOf(exchange, file))) as FileResult;
      assert.equal([...failedTests].sort(), [...(exchange.differs[file] ?? [])].sort(), output);
      assert.equal(problems, [], output);
      assert.ok(passed > 0, output);
      assert.match(output, /^[1-9]\d* imports of the client are exchanged$/m);
    });
  }
}

/** Runs the files of each version with the client of the other, a few at a time. */
function startAll(): void {
  const jobs = EXCHANGES.flatMap((exchange) =>
    FILES.map((file) => ({ exchange, file, result: Promise.withResolvers<FileResult>() })),
  );
  for (const { exchange, file, result } of jobs) ran.set(nameOf(exchange, file), result.promise);
  const queue = jobs.values();
  for (let count = 0; count < AT_ONCE; count += 1) {
    void (async () => {
      for (const { exchange, file, result } of queue) result.resolve(await runExchanged(exchange, file));
    })();
  }
}

function runExchanged({ tests, client, ending }: Exchange, file: string): Promise<FileResult> {
  return runTestFile(join(tests(), "test", "e2e", `${file}.test.ts`), LIMIT_MS, {
    preload: join(import.meta.dirname, "exchanged-client.ts"),
    env: { TESTS_ROOT: tests(), CLIENT_ROOT: client(), CLIENT_ENDING: ending },
  });
}

function nameOf({ what }: Exchange, file: string): string {
  return `${file} ${what}`;
}

/** A server of one version in a folder of its own, and the command line of the other beside it. */
interface Pair extends AsyncDisposable {
  readonly folder: string;
  readonly address: string;
  /** Runs a command of the client's version. */
  client(...args: readonly string[]): Promise<Ended>;
  /** Runs a command of the server's version. */
  own(...args: readonly string[]): Promise<Ended>;
}

/** The tools without the field that 0.1 does not know. */
function releasedTools(json: string): readonly object[] {
  const { tools } = JSON.parse(json) as { readonly tools: readonly { readonly definitionDigest?: string }[] };
  return tools.map(({ definitionDigest: _, ...tool }) => tool);
}

for (const direction of ["0.1 calls this version", "this version calls 0.1"] as const) {
  test(`command line: ${direction}: calls, refusals, failures and health`, async () => {
    await using pair = await startPair(direction);
    const { client } = pair;
    assert.equal(await done(client("call", "batch_sum", '{"numbers": [1, 2, 3.5]}')), '{"count":3,"total":6.5}\n');
    const invalid = await client("call", "batch_sum", '{"numbers": [1, "NaN"]}');
    assert.is(invalid.code, 2);
    assert.match(invalid.stderr, /ARGS_INVALID: .*numbers\[1\]/);
    const absent = await client("call", "no_such_tool_at_all", "{}");
    assert.is(absent.code, 3);
    assert.match(absent.stderr, "TOOL_FORBIDDEN");
    assert.match(await done(client("health")), "SERVING");
    assert.equal(
      releasedTools(await done(client("tools", "--json"))),
      releasedTools(await done(pair.own("tools", "--json"))),
    );
  });

  test(`command line: ${direction}: jobs, watches, cancels, and one job for one request id`, async () => {
    await using pair = await startPair(direction);
    const payload = '"payload": {"any": ["thing", null, -0]}';
    const long = await done(pair.client("call", "start_long_task", `{"seconds": 1, ${payload}}`));
    assert.is(long, '{"payload":{"any":["thing",null,-0]}}\n');
    const start = ["call", "start_long_task", '{"seconds": 20}', "--detach", "--request-id", "nightly"];
    const job = jobIdIn(await done(pair.client(...start)));
    assert.is(jobIdIn(await done(pair.own(...start))), job);
    assert.match(await done(pair.client("jobs", "list", "--json")), job);
    await done(pair.client("jobs", "cancel", job));
    const watched = await pair.client("jobs", "watch", job);
    assert.is(watched.code, 1);
    assert.match(watched.stdout + watched.stderr, "CANCELLED");
    assert.match(await done(pair.client("jobs", "get", job)), "CANCELLED");
    const reused = await pair.client("call", "start_long_task", '{"seconds": 1}', "--request-id", "nightly");
    assert.is(reused.code, 2);
    assert.match(reused.stderr, "REQUEST_ID_REUSED");
  });

  test(`command line: ${direction}: a signed request is verified by the other, taken once and refused as REPLAYED`, async () => {
    await using pair = await startPair(direction);
    const request = await done(pair.client("sign", "batch_sum", '{"numbers": [1, -0.0]}'));
    await writeFile(join(pair.folder, "request.json"), request);
    assert.match(await done(pair.own("verify", "--json", "request.json")), '"ok":true');
    const frame = toBinary(CALL_REQUEST, fromJson(CALL_REQUEST, JSON.parse(request), builtinImage()));
    assert.is(await reasonFor(pair.address, frame), undefined);
    assert.is(await reasonFor(pair.address, frame), "REPLAYED");
  });
}

test("0.1 reads a ring that this version writes until a key has a role, and then names the field", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "sealwire-compatibility-"));
  try {
    const add = (...words: string[]) => done(sealwire(["keys", "add", ...words, "--server-id", "s"], { cwd }));
    const listByRelease = () => sealwire(["keys", "list"], { cwd, main: release.main });
    await add("app", "--tools", "*", "--out", "app.json");
    assert.match(await done(listByRelease()), "app");
    await add("ann", "--role", "operator", "--out", "ann.json");
    const { code, stderr } = await listByRelease();
    assert.is(code, 2);
    assert.match(stderr, /keys\[1\]: has an unknown field "role"/);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});

test("a client of 0.1 waits out a reason that it does not know", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-compatibility-"));
  try {
    const call = ["call", "batch_sum", '{"numbers": [1]}'];
    {
      await using server = await startServer({ cwd: folder });
      server.child.kill("SIGTERM");
      await server.ended;
    }
    {
      // As after a restored copy, whose minute would be too long for a call.
      using store = new DatabaseSync(join(folder, ".sealwire", "sealwire.db"));
      store.prepare("UPDATE store_state SET replay_blind_until_ms = ?").run(Date.now() + UNKNOWN_FOR_MS);
    }
    await using server = await startServer({ cwd: folder });
    const { listening } = JSON.parse(server.stdout) as { readonly listening: string };
    const ofRelease = { cwd: folder, main: release.main };
    assert.match(await done(sealwire([...call, "--address", listening], ofRelease)), '"total":1');
    assert.match(server.stderr, '"reason":"FRESHNESS_UNKNOWN"');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** A `serve --dev` of the version whose command it is, ready. */
async function startServer(command: StartOptions, ...args: readonly string[]): Promise<CliProcess> {
  const server = new CliProcess(["serve", "--dev", "--listen", "127.0.0.1:0", ...args], command);
  await server.until("the server", () => server.stdout.includes("\n"));
  return server;
}

async function startPair(direction: "0.1 calls this version" | "this version calls 0.1"): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-compatibility-"));
  const isReleaseClient = direction === "0.1 calls this version";
  // The command of this version is the sources' own.
  const ofRelease = { cwd: folder, main: release.main };
  const [client, own] = isReleaseClient ? [ofRelease, { cwd: folder }] : [{ cwd: folder }, ofRelease];
  const server = await startServer(own);
  return {
    folder,
    address: (JSON.parse(server.stdout) as { readonly listening: string }).listening,
    client: (...args) => sealwire(args, client),
    own: (...args) => sealwire(args, own),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a command that ended well printed on stdout. */
async function done(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended;
  assert.is(code, 0, stderr);
  return stdout;
}

function jobIdIn(json: string): string {
  const [, jobId] = /"job_?id":"([^"]+)"/i.exec(json) ?? [];
  assert.ok(jobId, json);
  return jobId as string;
}

/** Sends a signed frame as it is; gives the reason of its refusal. */
async function reasonFor(address: string, frame: Uint8Array): Promise<string | undefined> {
  const channel = new Client(address, channelCredentials.createInsecure(), { "grpc.enable_retries": 0 });
  const same = (bytes: Buffer): Buffer => bytes;
  try {
    return await new Promise((resolve) => {
      channel.makeUnaryRequest(CALL_METHOD, same, same, Buffer.from(frame), (error: ServiceError | null) =>
        resolve(error === null ? undefined : readStatusDetails(error.metadata)?.reason),
      );
    });
  } finally {
    channel.close();
  }
}

test.run();
