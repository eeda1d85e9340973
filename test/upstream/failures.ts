import { Metadata, status } from "@grpc/grpc-js";
import { ErrorInfo, RetryInfo } from "../../gen/google/rpc/error_details.ts";
import { Status as RpcStatus } from "../../gen/google/rpc/status.ts";
import { ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { Response, Status } from "../../gen/sealwire/v1/response.ts";
import type { Reason } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, type suite } from "../support/suite.ts";
import { encoded, type FaultCall, type FaultUpstream, SERVICE, startFaultUpstream } from "./fault-upstream.ts";

/* The table of failures in docs/upstreams.md, line by line, on any engine. */

interface Both extends AsyncDisposable {
  readonly upstream: FaultUpstream;
  readonly server: TestServer;
  readonly store: Store;
}

/** Defines the tests for an engine. `open` opens a store of its own for each. */
export function defineFailures(test: ReturnType<typeof suite>, open: () => Promise<Store & AsyncDisposable>): void {
  async function start(act: (call: FaultCall) => unknown, options = {}): Promise<Both> {
    await using started = new AsyncDisposableStack();
    const upstream = started.use(await startFaultUpstream(act, options));
    const store = started.use(await open());
    const server = started.use(await startServer({ tools: [], upstreams: [upstream.options], store }));
    await serves(server, "SERVING");
    const all = started.move();
    return { upstream, server, store, [Symbol.asyncDispose]: () => all.disposeAsync() };
  }

  const serves = (server: TestServer, expected: string) => {
    const client = server.client();
    return eventually(`health ${expected}`, async () => (await client.health(SERVICE)) === expected);
  };

  const startJob = async ({ server }: Both, tool: string, what = "x") => {
    const { job } = await server.client().call(tool, { what });
    assert.ok(job);
    return server.client().job(job.jobId);
  };

  /** Calls until the answer is not that of a tool that is away. */
  const NO_RETRY = { retry: { maxAttempts: 1 } } as const;

  test("down before sending: UNAVAILABLE with a delay, and the intent may run later; a job waits without a failure", async () => {
    await using both = await start((call) => call.send(call.what));
    both.upstream.kill();
    const once = both.server.client("alice", NO_RETRY);
    const away = await rejection("UNAVAILABLE", once.call("act", { what: "x" }, { requestId: "one" }));
    assert.is(away.retryDelayMs, 1_000);
    const job = await startJob(both, "work");
    await serves(both.server, "NOT_SERVING");
    assert.is(await both.server.client().health(""), "SERVING");
    assert.is((await job.poll()).state, "QUEUED");
    await both.upstream.restart();
    assert.equal(await (await job.result()).json(), { text: "x" });
    assert.is((await job.poll()).error, undefined);
    const { output } = await both.server.client().call("act", { what: "x" }, { requestId: "one" });
    assert.equal(await output?.json(), { text: "x" });
  });

  test("a client repeats a call whose tool is away, with and without a stream", async () => {
    await using both = await start((call) => call.send(call.what));
    for (const pipeline of [false, true]) {
      both.upstream.kill();
      const client = both.server.client("alice", { pipeline });
      const refused = both.server.client("alice", { pipeline, ...NO_RETRY });
      await rejection("UNAVAILABLE", refused.call("act", { what: "x" }));
      const call = client.call("act", { what: "x" });
      await serves(both.server, "NOT_SERVING");
      await both.upstream.restart();
      assert.equal(await (await call).output?.json(), { text: "x" });
    }
  });

  test("lost after sending: a tool without side effects is UNAVAILABLE, one with them OUTCOME_UNKNOWN, and runs once", async () => {
    await using both = await start(() => both.upstream.kill());
    const once = both.server.client("alice", NO_RETRY);
    await rejection("UNAVAILABLE", once.call("look", { what: "x" }));
    await both.upstream.restart();
    await serves(both.server, "SERVING");
    await rejection("OUTCOME_UNKNOWN", once.call("act", { what: "x" }, { requestId: "one" }));
    both.upstream.act = (call) => call.send("again");
    await both.upstream.restart();
    await serves(both.server, "SERVING");
    await rejection("OUTCOME_UNKNOWN", once.call("act", { what: "x" }, { requestId: "one" }));
    assert.is(both.upstream.calls.filter(({ method }) => method === "Act").length, 1);
  });

  test("lost after sending, where the upstream deduplicates: the same request id runs again under the same key", async () => {
    await using both = await start(() => both.upstream.kill(), { deduplicates: true });
    const once = both.server.client("alice", NO_RETRY);
    await rejection("UNAVAILABLE", once.call("act", { what: "x" }, { requestId: "one" }));
    both.upstream.act = (call) => call.send("at last");
    await both.upstream.restart();
    await serves(both.server, "SERVING");
    const { output } = await once.call("act", { what: "x" }, { requestId: "one" });
    assert.equal(await output?.json(), { text: "at last" });
    const keys = both.upstream.calls.map(({ metadata }) => metadata.get("sealwire-idempotency-key")[0]);
    assert.is(keys.length, 2);
    assert.is(keys[0], keys[1]);
  });

  test("of two runs of an intent the caller gets the outcome that was recorded first", async () => {
    let other: (() => Promise<unknown>) | undefined;
    await using both = await start(
      async (call) => {
        await other?.();
        call.fail({ code: status.NOT_FOUND, details: "of the second run" });
      },
      { deduplicates: true },
    );
    const error = { code: status.NOT_FOUND, reason: ErrorReason.TOOL_FAILED, message: "of the first run" };
    const first = Response.encode(Response.fromPartial({ status: Status.ERROR, error })).finish();
    other = () => both.store.intents.finish("alice", "one", first);
    for (let turn = 0; turn < 2; turn += 1) {
      const call = both.server.client().call("act", { what: "x" }, { requestId: "one" });
      assert.is((await rejection("TOOL_FAILED", call)).message, "of the first run");
    }
  });

  test("a job whose connection is lost has failed once, and is tried again", async () => {
    await using both = await start(() => both.upstream.kill());
    const job = await startJob(both, "work");
    await eventually("the attempt has failed", async () => (await job.poll()).error?.reason === "UNAVAILABLE");
    both.upstream.act = (call) => call.send("second");
    await both.upstream.restart();
    assert.equal(await (await job.result()).json(), { text: "second" });
    assert.is((await job.poll()).attempt, 2);
  });

  test("an upstream that drains hands its jobs back, which counts as no failure", async () => {
    let drains = 3;
    await using both = await start((call) => {
      if (drains-- > 0) call.fail({ code: status.UNAVAILABLE, details: "going away" });
      else call.send("done");
    });
    const job = await startJob(both, "work");
    // Two failures would have ended it.
    assert.equal(await (await job.result()).json(), { text: "done" });
    assert.is((await job.poll()).attempt, 4);
  });

  const OWN: readonly [status, string][] = [
    [status.INVALID_ARGUMENT, "INVALID_ARGUMENT"],
    [status.NOT_FOUND, "NOT_FOUND"],
    [status.FAILED_PRECONDITION, "FAILED_PRECONDITION"],
    [status.PERMISSION_DENIED, "PERMISSION_DENIED"],
    [status.ALREADY_EXISTS, "ALREADY_EXISTS"],
    [status.OUT_OF_RANGE, "OUT_OF_RANGE"],
  ];
  test("a failure of the tool's own is TOOL_FAILED with its code, its message and its details, and final", async () => {
    const info = { reason: "NO_SUCH_NOTE", domain: "notes.example", metadata: {} };
    const detail = { typeUrl: `${TYPE_URL_PREFIX}google.rpc.ErrorInfo`, value: ErrorInfo.encode(info).finish() };
    const debug = { typeUrl: `${TYPE_URL_PREFIX}google.rpc.DebugInfo`, value: Buffer.from([10, 3, 97, 98, 99]) };
    await using both = await start((call) => {
      const code = Number(call.what);
      const metadata = new Metadata();
      const details = RpcStatus.encode({ code, message: "no", details: [detail, debug] }).finish();
      metadata.set("grpc-status-details-bin", Buffer.from(details));
      call.fail({ code, details: `failed with ${code}`, metadata });
    });
    for (const [code, name] of OWN) {
      const requestId = `call-${code}`;
      for (let turn = 0; turn < 2; turn += 1) {
        const error = await rejection(
          "TOOL_FAILED",
          both.server.client().call("act", { what: String(code) }, { requestId }),
        );
        assert.equal([error.status, error.message, error.retryable], [name, `failed with ${code}`, false]);
        assert.equal(
          error.details.map(({ typeUrl, value }) => [typeUrl, Buffer.from(value).toString("hex")]),
          [[detail.typeUrl, Buffer.from(detail.value).toString("hex")]],
        );
      }
    }
    assert.is(both.upstream.calls.length, OWN.length);
    const job = await startJob(both, "work", String(status.NOT_FOUND));
    const failed = await rejection("TOOL_FAILED", job.result());
    assert.equal([failed.status, failed.details.length], ["NOT_FOUND", 1]);
    assert.is((await job.poll()).attempt, 1);
  });

  test("RESOURCE_EXHAUSTED and ABORTED may be tried again, after the delay that the tool gives", async () => {
    const retryInfo = RetryInfo.encode({ retryDelay: { seconds: 0n, nanos: 300_000_000 } }).finish();
    const metadata = new Metadata();
    const details = [{ typeUrl: `${TYPE_URL_PREFIX}google.rpc.RetryInfo`, value: retryInfo }];
    metadata.set("grpc-status-details-bin", Buffer.from(RpcStatus.encode({ code: 10, message: "", details }).finish()));
    let refusals = 1;
    await using both = await start((call) => {
      if (refusals-- > 0) call.fail({ code: Number(call.what), details: "not now", metadata });
      else call.send("now");
    });
    for (const code of [status.ABORTED, status.RESOURCE_EXHAUSTED]) {
      refusals = 1;
      const once = both.server.client("alice", NO_RETRY);
      const given = { what: String(code) };
      const error = await rejection("TOOL_FAILED", once.call("act", given, { requestId: `one-${code}` }));
      assert.equal([error.status, error.retryable, error.retryDelayMs], [status[code], true, 300]);
      const { output } = await once.call("act", given, { requestId: `one-${code}` });
      assert.equal(await output?.json(), { text: "now" });
    }
    refusals = 1;
    const job = await startJob(both, "work", String(status.ABORTED));
    assert.equal(await (await job.result()).json(), { text: "now" });
    assert.is((await job.poll()).attempt, 2);
  });

  const UNEXPECTED = [status.UNKNOWN, status.INTERNAL, status.DATA_LOSS, status.CANCELLED, status.DEADLINE_EXCEEDED];
  test("other statuses are INTERNAL with a fixed text, OUTCOME_UNKNOWN for a side effect, and use up a job's attempt", async () => {
    await using both = await start((call) => call.fail({ code: Number(call.what), details: "at /secret/path:99" }));
    const client = both.server.client("alice", NO_RETRY);
    for (const code of UNEXPECTED) {
      const look = await rejection("INTERNAL", client.call("look", { what: String(code) }));
      assert.not.match(look.message, "secret");
      await rejection("OUTCOME_UNKNOWN", client.call("act", { what: String(code) }));
    }
    const job = await startJob(both, "work", String(status.UNKNOWN));
    const failed = await rejection("INTERNAL", job.result());
    assert.not.match(failed.message, "secret");
    assert.is((await job.poll()).attempt, 2);
  });

  test("a call that ends with the time that it had is DEADLINE_EXCEEDED, also if the upstream says that it cancelled it", async () => {
    const CODES = [status.CANCELLED, status.DEADLINE_EXCEEDED];
    // The answer comes before the time-out of the call here does.
    const justBefore = (call: FaultCall) =>
      setTimeout(() => call.fail({ code: Number(call.what), details: "timeout" }), call.deadlineMs - Date.now() - 25);
    await using both = await start(justBefore, { callTimeoutMs: 300 });
    const client = both.server.client("alice", NO_RETRY);
    for (const code of CODES) {
      await rejection("DEADLINE_EXCEEDED", client.call("look", { what: String(code) }));
      await rejection("OUTCOME_UNKNOWN", client.call("act", { what: String(code) }));
    }
  });

  test("UNAUTHENTICATED is our own fault: INTERNAL, and the same intent may run once it is mended", async () => {
    await using both = await start((call) => call.fail({ code: status.UNAUTHENTICATED, details: "who are you" }));
    const client = both.server.client("alice", NO_RETRY);
    await rejection("INTERNAL", client.call("act", { what: "x" }, { requestId: "one" }));
    both.upstream.act = (call) => call.send("fine");
    const { output } = await client.call("act", { what: "x" }, { requestId: "one" });
    assert.equal(await output?.json(), { text: "fine" });
  });

  test("UNIMPLEMENTED is INTERNAL, and the method is not called there for a while; others are", async () => {
    await using both = await start((call) => {
      if (call.method === "Act") call.fail({ code: status.UNIMPLEMENTED, details: "no such method" });
      else call.send("fine");
    });
    const client = both.server.client("alice", NO_RETRY);
    await rejection("INTERNAL", client.call("act", { what: "x" }));
    await rejection("UNAVAILABLE", client.call("act", { what: "x" }));
    assert.is(both.upstream.calls.length, 1);
    await client.call("look", { what: "x" });
  });

  const BAD_ANSWERS: readonly [string, Uint8Array, Reason][] = [
    ["an unknown field", Buffer.from("f80601", "hex"), "INTERNAL"],
    ["bad UTF-8", Buffer.from("1202ffff", "hex"), "INTERNAL"],
    ["half a message", Buffer.from("1205ff", "hex"), "INTERNAL"],
    ["a rule that is broken", encoded("x".repeat(1_001)), "INTERNAL"],
    ["4 MiB", Buffer.concat([Buffer.from("1a80808002", "hex"), Buffer.alloc(4 << 20)]), "RESULT_TOO_LARGE"],
  ];
  test("an answer that breaks the contract is INTERNAL, one that is too large RESULT_TOO_LARGE, and both are final", async () => {
    await using both = await start((call) => {
      const answer = BAD_ANSWERS.find(([name]) => name === call.what)?.[1];
      if (answer !== undefined) call.send(answer);
      if (call.method === "Flow") call.end();
    });
    for (const [name, , reason] of BAD_ANSWERS) {
      const requestId = name.replaceAll(" ", "-");
      const error = await rejection(reason, both.server.client().call("act", { what: name }, { requestId }));
      await rejection(reason, both.server.client().call("act", { what: name }, { requestId }));
      assert.is(error.retryable, false);
      for (const tool of ["work", "flow"]) {
        const job = await startJob(both, tool, name);
        await rejection(reason, job.result());
        assert.is((await job.poll()).attempt, 1);
      }
    }
    assert.is(both.upstream.calls.filter(({ method }) => method === "Act").length, BAD_ANSWERS.length);
  });

  test("two outputs, none, and a message after the output are INTERNAL and final", async () => {
    await using both = await start((call) => {
      if (call.what !== "none") call.send("one");
      if (call.what === "two") call.send("two");
      if (call.what === "more") call.progress(1, 2);
      call.end();
    });
    for (const what of ["none", "two", "more"]) {
      const job = await startJob(both, "flow", what);
      await rejection("INTERNAL", job.result());
      assert.is((await job.poll()).attempt, 1);
    }
  });

  test("an endless stream is cut off", async () => {
    let stopped = false;
    await using both = await start((call) => {
      const flood = (): void => {
        if (call.isCancelled()) stopped = true;
        else {
          for (let count = 0; count < 500; count += 1) call.progress(count, 1_000);
          setImmediate(flood);
        }
      };
      flood();
    });
    const job = await startJob(both, "flow");
    await rejection("RESULT_TOO_LARGE", job.result());
    await eventually("the upstream sees the cancellation", () => stopped);
  });

  test("a cancelled job is cancelled at the upstream", async () => {
    await using both = await start(() => {});
    const job = await startJob(both, "work");
    const [call] = await eventually("the call arrives", () => both.upstream.calls.length > 0 && both.upstream.calls);
    await job.cancel();
    await eventually("the upstream sees the cancellation", () => call?.isCancelled());
    await rejection("CANCELLED", job.result());
  });

  test("an upstream with as many calls as it may have is UNAVAILABLE, and jobs wait for a place", async () => {
    const held: FaultCall[] = [];
    await using both = await start((call) => held.push(call), { maxConcurrency: 2 });
    const jobs = await Promise.all(["a", "b", "c"].map((what) => startJob(both, "work", what)));
    await eventually("two jobs run", () => held.length === 2);
    await rejection("UNAVAILABLE", both.server.client("alice", NO_RETRY).call("act", { what: "x" }));
    assert.is(held.length, 2);
    for (const call of held.splice(0)) call.send("done");
    await eventually("the third job runs", () => held.length === 1);
    held[0]?.send("done");
    for (const job of jobs) {
      await job.result();
      assert.is((await job.poll()).attempt, 1);
    }
  });
}
