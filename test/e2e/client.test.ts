import { fromJson, toBinary } from "@bufbuild/protobuf";
import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { SealwireClient } from "../../src/client/client.ts";
import type { JobSnapshot } from "../../src/client/jobs/job-snapshot.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { SealwireError } from "../../src/errors.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { CallObserver } from "../../src/server/request/access-log.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import type { ToolContext } from "../../src/tools/handler.ts";
import { thrownBy } from "../client/peers/thrown.ts";
import { eventually } from "../support/eventually.ts";
import { removeClient, startServer, type TestServer, type TestServerOptions } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { entryDesc, LedgerToolServiceDefinition, ledgerDescriptors, ledgerImage, ledgerTools } from "./ledger-tools.ts";

const tests = suite("e2e/client");

/** True while the client under test sends its calls over one stream. */
let pipeline = false;

/** Everything holds with a request per call and with a pipeline. */
function test(name: string, body: () => unknown): void {
  for (const isPipelined of [false, true]) {
    tests(isPipelined ? `${name}, over one stream` : name, () => {
      pipeline = isPipelined;
      return body();
    });
  }
}

const clients = { alice: {}, bob: {}, carol: { tools: ["batch_*"] }, dave: {}, erin: {}, frank: {} };
const entry = { settled: true, cents: -250, tags: { a: 1, b: -2 }, note: { __proto: "x", deep: [null, { y: 1 }] } };

/** Serves the tests that ask for nothing special of their server. */
let shared: TestServer;

tests.before(async () => {
  shared = await startServer({ clients, tools: [demoTools(), ledgerTools()], descriptors: [ledgerDescriptors] });
});
tests.after(() => shared[Symbol.asyncDispose]());

interface Wishes {
  /** Starts a server of its own. */
  readonly server?: TestServerOptions;
  readonly client?: Partial<ClientOptions>;
  /** Default: alice. */
  readonly as?: string;
}

/** Runs `body` with a client of a server with the demo's and the ledger's tools. */
async function withServer(
  body: (client: SealwireClient, server: TestServer) => Promise<void>,
  { server: serverOptions, client: clientOptions = {}, as = "alice" }: Wishes = {},
): Promise<void> {
  await using own = serverOptions && (await startServer({ clients, ...serverOptions }));
  const server = own ?? shared;
  await using client = new SealwireClient({
    credentials: server.credentials(as),
    retry: { initialDelayMs: 1, maxDelayMs: 20 },
    pipeline,
    ...clientOptions,
  });
  await body(client, server);
}

test("JSON arguments are encoded by the server's signed descriptors", async () => {
  await withServer(async (client) => {
    const result = await client.call("batch_sum", { numbers: [1, 2, 3.5] });
    assert.equal(await result.output?.json(), { count: 3, total: 6.5 });
    assert.is(result.status, "OK");
  });
  await withServer(async (client) => {
    const { output } = await client.call("check_entry", entry);
    assert.equal(await output?.json(), entry);
    assert.is(output?.typeName, "sealwire.test.ledger.v1.Entry");
  });
});

test("JSON arguments are encoded by a local image without asking the server", async () => {
  const asked: string[] = [];
  const observer: CallObserver = { callStarted() {}, callEnded: ({ tool }) => void asked.push(tool ?? "") };
  const server = { tools: [ledgerTools()], descriptors: [ledgerDescriptors], observers: [observer] };
  await withServer(
    async (client) => {
      assert.equal(await (await client.call("check_entry", entry)).output?.json(), entry);
      assert.equal(asked, ["check_entry"]);
    },
    { server, client: { descriptors: ledgerImage } },
  );
});

test("JSON that does not fit the contract is refused before anything is sent", async () => {
  await withServer(async (client) => {
    for (const args of [{ numbers: ["x"] }, { nombers: [1] }, { numbers: 1 }, [], null, "x"]) {
      const error = await thrownBy(() => client.call("batch_sum", args));
      assert.is(error.reason, "ARGS_INVALID");
      assert.match(error.message, /BatchSumRequest/);
    }
  });
});

test("arguments that break a rule come back with the violations", async () => {
  await withServer(async (client) => {
    const error = await thrownBy(() => client.call("batch_sum", { numbers: [1, "NaN", "Infinity"] }));
    assert.is(error.reason, "ARGS_INVALID");
    assert.equal(
      error.violations.map(({ field }) => field),
      ["numbers[1]", "numbers[2]"],
    );
  });
});

test("a tool that is forbidden and one that does not exist answer alike", async () => {
  await withServer(async (_client, server) => {
    await using carol = new SealwireClient({ pipeline, credentials: server.credentials("carol") });
    assert.is((await carol.call("batch_sum", { numbers: [1] })).status, "OK");
    const texts = [];
    for (const tool of ["start_long_task", "no_such_tool__"]) {
      const error = await thrownBy(() => carol.call(tool, {}));
      assert.is(error.reason, "TOOL_FORBIDDEN");
      texts.push(error.message.replace(tool, "TOOL"));
      const raw = await thrownBy(() =>
        carol.call(tool, { typeUrl: "type.googleapis.com/x.Y", value: new Uint8Array() }),
      );
      assert.is(raw.reason, "TOOL_FORBIDDEN");
      texts.push(raw.message.replace(tool, "TOOL"));
    }
    assert.is(texts[0], texts[2]);
    assert.is(texts[1], texts[3]);
  });
});

test("identity, tools, jobs and health are told", async () => {
  await withServer(
    async (client, server) => {
      const identity = await client.identity();
      assert.is(identity.serverId, "test-server");
      assert.equal([identity.capabilities?.async, identity.capabilities?.stateless], [true, true]);
      const { tools } = await client.listTools();
      assert.ok(
        tools.some(({ name, description }) => name === "batch_sum" && description === "Adds up a list of numbers."),
      );
      assert.equal((await client.listJobs()).jobs, []);
      assert.is(await client.health(), "SERVING");
      assert.is(await client.health("sealwire.v1.ToolService"), "SERVING");
      assert.is(await client.health("no.such.Service"), "SERVICE_UNKNOWN");
      const other = { ...server.credentials("alice"), serverFingerprint: "0".repeat(32) };
      await using doubtful = new SealwireClient({ pipeline, credentials: other });
      assert.is((await thrownBy(() => doubtful.identity())).reason, "RESPONSE_UNVERIFIED");
    },
    { as: "dave" },
  );
});

test("typed tools work on the demo and on a user's own contract", async () => {
  await withServer(async (client) => {
    const demo = client.tools(DemoToolServiceDefinition);
    assert.is((await demo.batchSum({ numbers: [0.5, 0.25] })).total, 0.75);
    const job = await demo.startLongTask({ seconds: 1, payload: { list: [1, "two", null], deep: { ok: true } } });
    assert.equal((await job.result()).payload, { list: [1, "two", null], deep: { ok: true } });
  });
  await withServer(async (client) => {
    const ledger = client.tools(LedgerToolServiceDefinition);
    const output = await ledger.checkEntry({ cents: -7, settled: true });
    assert.equal([output.cents, output.settled], [-7, true]);
    const job = await ledger.closeYear({ cents: 12 });
    assert.is((await job.result()).cents, 12);
    assert.is((await ledger.closeYear.resume(job.jobId).result()).cents, 12);
  });
});

test("a job is polled, watched, listed and its result read again by another handle", async () => {
  await withServer(async (client) => {
    const { job, status, output } = await client.call("start_long_task", { seconds: 1, payload: { n: 1 } });
    assert.is(status, "ACCEPTED");
    assert.is(output, undefined);
    const handle = client.job(job?.jobId ?? "");
    const first = await handle.poll();
    const next = await handle.poll({ waitMs: 5_000, afterRevision: first.revision });
    assert.ok(next.revision > first.revision);
    const seen: JobSnapshot[] = [];
    for await (const state of handle.watch()) seen.push(state);
    assert.is(seen.at(-1)?.state, "SUCCEEDED");
    assert.ok(seen.some(({ progress }) => progress !== undefined && progress.completed > 0));
    for (const [index, state] of seen.entries()) {
      if (index > 0) assert.ok(state.revision > (seen[index - 1]?.revision ?? 0));
    }
    assert.equal(await (await client.job(handle.jobId).result()).json(), { payload: { n: 1 } });
    const [newest] = (await client.listJobs({ states: ["SUCCEEDED"], tool: "start_long_task" })).jobs;
    assert.is(newest?.jobId, handle.jobId);
  });
});

test("pages of jobs hold each job once, the newest first", async () => {
  await withServer(
    async (client) => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) {
        ids.unshift((await client.call("close_year", { cents: i })).job?.jobId ?? "");
      }
      const listed: string[] = [];
      let pageToken: string | undefined;
      do {
        const page = await client.listJobs({ pageSize: 2, ...(pageToken === undefined ? {} : { pageToken }) });
        listed.push(...page.jobs.map(({ jobId }) => jobId));
        pageToken = page.nextPageToken;
      } while (pageToken !== undefined);
      assert.equal(listed, ids);
      assert.is((await thrownBy(() => client.listJobs({ pageToken: "x" }))).reason, "ARGS_INVALID");
    },
    { as: pipeline ? "frank" : "erin" },
  );
});

test("a running job is cancelled, and its result says so", async () => {
  await withServer(async (client) => {
    const handle = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 20 });
    await eventually("the job runs", async () => (await handle.poll()).state === "RUNNING");
    const cancelled = await handle.cancel();
    assert.ok(cancelled.cancelRequested);
    assert.is((await thrownBy(() => handle.result())).reason, "CANCELLED");
    assert.is((await handle.poll()).state, "CANCELLED");
    assert.is((await handle.cancel()).state, "CANCELLED");
  });
});

test("a job tool's request repeated under its id is the same job, another one is refused", async () => {
  await withServer(async (client) => {
    const args = { seconds: 1, payload: { b: 1, a: 2 } };
    const [one, two] = await Promise.all([
      client.call("start_long_task", args, { requestId: "intent-1" }),
      client.call("start_long_task", { payload: { a: 2, b: 1 }, seconds: 1 }, { requestId: "intent-1" }),
    ]);
    assert.is(one.job?.jobId, two.job?.jobId);
    const other = await thrownBy(() => client.call("start_long_task", { seconds: 2 }, { requestId: "intent-1" }));
    assert.is(other.reason, "REQUEST_ID_REUSED");
  });
});

test("a tool with side effects runs once per request id, however often it is asked", async () => {
  const runs: string[] = [];
  const addEntry = ({ requestId }: ToolContext): undefined => {
    runs.push(requestId);
  };
  const tools = [ledgerTools({ addEntry })];
  await withServer(
    async (client) => {
      const repeat = () => client.call("add_entry", entry, { requestId: "pay-once" });
      const results = await Promise.all([repeat(), repeat(), repeat()]);
      results.push(await repeat());
      for (const { output } of results) assert.equal(await output?.json(), entry);
      assert.equal(runs, ["pay-once"]);
      const reused = await thrownBy(() => client.call("add_entry", { cents: 1 }, { requestId: "pay-once" }));
      assert.is(reused.reason, "REQUEST_ID_REUSED");
    },
    { server: { tools, descriptors: [ledgerDescriptors] } },
  );
});

test("a tool's own error reaches the caller, an unexpected one as a fixed text", async () => {
  const thrown: unknown[] = [new SealwireError("TOOL_FAILED", "the account is closed"), new Error("secret detail")];
  const tools = [
    ledgerTools({
      addEntry: async () => {
        throw thrown.shift();
      },
    }),
  ];
  await withServer(
    async (client) => {
      const own = await thrownBy(() => client.call("add_entry", entry));
      assert.equal([own.reason, own.message], ["TOOL_FAILED", "the account is closed"]);
      const unexpected = await thrownBy(() => client.call("add_entry", entry));
      assert.is(unexpected.reason, "INTERNAL");
      assert.not.match(unexpected.message, /secret/);
    },
    { server: { tools, descriptors: [ledgerDescriptors] } },
  );
});

test("a client whose clock is wrong corrects it by the signed answer and goes on", async () => {
  for (const offMs of [-3_600_000, 3_600_000]) {
    const clock = { ...systemClock, nowMs: () => Date.now() + offMs };
    await withServer(
      async (client) => {
        assert.is((await client.call("batch_sum", { numbers: [1] })).status, "OK");
        const handle = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 1 });
        await handle.result();
      },
      { client: { clock } },
    );
  }
});

test("a client whose clock is days off is told so", async () => {
  const clock = { ...systemClock, nowMs: () => Date.now() + 2 * 86_400_000 };
  await withServer(async (client) => assert.is((await thrownBy(() => client.identity())).reason, "CLOCK_SKEW"), {
    client: { clock },
  });
});

test("wrong keys are told apart: what the server does not accept, and what this client does not believe", async () => {
  await withServer(async (_client, server) => {
    const alice = server.credentials("alice");
    const bob = server.credentials("bob");
    await using wrongRequestKey = new SealwireClient({
      pipeline,
      credentials: { ...alice, requestKey: bob.requestKey },
    });
    assert.is((await thrownBy(() => wrongRequestKey.identity())).reason, "CREDENTIALS_REFUSED");
    await using wrongResponseKey = new SealwireClient({
      pipeline,
      credentials: { ...alice, responseKey: bob.responseKey },
    });
    assert.is((await thrownBy(() => wrongResponseKey.identity())).reason, "RESPONSE_UNVERIFIED");
    await using unknownKey = new SealwireClient({ pipeline, credentials: { ...alice, keyId: "no-such-key" } });
    assert.is((await thrownBy(() => unknownKey.identity())).reason, "CREDENTIALS_REFUSED");
    await using mismatched = new SealwireClient({ pipeline, credentials: { ...alice, clientId: "bob" } });
    assert.is((await thrownBy(() => mismatched.identity())).reason, "CLIENT_MISMATCH");
    await using elsewhere = new SealwireClient({ pipeline, credentials: { ...alice, serverId: "other" } });
    // The answer comes from a server that this client does not know: its refusal is not believed either.
    assert.is((await thrownBy(() => elsewhere.identity())).reason, "RESPONSE_UNVERIFIED");
  });
});

test("a revoked key ends its watches and its calls", async () => {
  await withServer(
    async (client, server) => {
      const handle = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 20 });
      const revoked = await thrownBy(async () => {
        for await (const { revision } of handle.watch()) {
          if (revision > 1) removeClient(server, "alice");
        }
      });
      assert.is(revoked.reason, "KEY_REVOKED");
      assert.is((await thrownBy(() => handle.poll())).reason, "CREDENTIALS_REFUSED");
    },
    { server: {} },
  );
});

test("a limit that passes is waited out, one that stays is told", async () => {
  const limited = { clients: { alice: { limits: { callsPerSecond: 20, burst: 1 } } } };
  await withServer(
    async (client) => {
      const calls = Array.from({ length: 6 }, () => client.call("batch_sum", sumOfOne));
      for (const { status } of await Promise.all(calls)) assert.is(status, "OK");
    },
    { server: limited },
  );
  await withServer(
    async (client) => {
      await client.call("start_long_task", { seconds: 20 });
      const error = await thrownBy(() => client.call("start_long_task", { seconds: 20 }, { timeoutMs: 300 }));
      assert.is(error.reason, "QUOTA_EXCEEDED");
    },
    { server: { clients: { alice: { limits: { openJobs: 1 } } } } },
  );
});

/** Encoded here, so that no call is spent on list_tools. */
const sumOfOne = {
  typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumRequest",
  value: Buffer.from("0a08000000000000f03f", "hex"),
};

test("a result of nearly 3 MiB passes, a larger one is refused by name", async () => {
  const bytesOf = (length: number) => toBinary(entryDesc, fromJson(entryDesc, { note: { text: "x".repeat(length) } }));
  const sizes = [3_145_000, 3_146_000];
  const tools = [ledgerTools({ checkEntry: () => bytesOf(sizes.shift() ?? 0) })];
  await withServer(
    async (client) => {
      const { output } = await client.call("check_entry", {});
      assert.equal(Buffer.from(output?.value ?? []), Buffer.from(bytesOf(3_145_000)));
      assert.is((await thrownBy(() => client.call("check_entry", {}))).reason, "RESULT_TOO_LARGE");
    },
    { server: { tools, descriptors: [ledgerDescriptors] } },
  );
});

test("arguments that make a request above 1 MiB are refused before anything is sent", async () => {
  await withServer(async (client) => {
    const error = await thrownBy(() => client.call("check_entry", { note: { text: "x".repeat(1_048_576) } }));
    assert.is(error.reason, "ARGS_INVALID");
    assert.match(error.message, /check_entry make a request of 10\d{5} bytes; a server accepts at most 1048576/);
  });
});

test("calls of one client side by side do not disturb each other", async () => {
  await withServer(async (client) => {
    const sums = Array.from({ length: 200 }, (_, i) => client.call("batch_sum", { numbers: [i, 1] }));
    const totals = await Promise.all(sums.map(async (sum) => (await sum).output?.json()));
    assert.equal(
      totals,
      Array.from({ length: 200 }, (_, i) => ({ count: 2, total: i + 1 })),
    );
  });
});

tests.run();
