import { status as Status } from "@grpc/grpc-js";
import { createMetrics, type Metrics } from "../../../src/server/metrics/metrics.ts";
import type { CallRecord } from "../../../src/server/request/access-log.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD } from "../../../src/wire/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { startServer } from "../../support/running-server.ts";
import { valueIn } from "../../support/scrape.ts";
import { assert, suite } from "../../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../../support/test-service.ts";

/* The values of metrics: their units, and under which labels they stand. */
const test = suite("server/metrics/figures");

const OPENMETRICS = { accept: "application/openmetrics-text;version=1.0.0" };
const ARGS = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };

/** The labels of a method of ToolService. */
const labels = (type: string, method: string): string =>
  `grpc_type="${type}",grpc_service="sealwire.v1.ToolService",grpc_method="${method}"`;

/** The metrics of a store that nobody uses. */
async function withMetrics(body: (metrics: Metrics, clock: FakeClock) => Promise<void>): Promise<void> {
  const clock = new FakeClock();
  await using store = await openSqliteStore({ path: ":memory:", clock });
  await body(await createMetrics({ store, clock }), clock);
}

/** The values of series, in their order. */
async function values(metrics: Metrics, ...series: readonly string[]): Promise<(number | undefined)[]> {
  const text = await metrics.text();
  return series.map((each) => valueIn(text, each));
}

test("calls are counted by method and code, and their times are in seconds", () =>
  withMetrics(async (metrics) => {
    const { observer } = metrics;
    const record = { method: CALL_METHOD, peer: "", startedAtMs: 0, reason: "" } as CallRecord;
    for (const method of [CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD])
      observer.callStarted({ ...record, method });
    observer.callEnded(record, Status.OK, 1_500);
    observer.callEnded({ ...record, reason: "TOOL_FORBIDDEN" }, Status.PERMISSION_DENIED, 250);
    observer.callEnded({ ...record, method: WATCH_JOB_METHOD }, Status.OK, 60_000);
    const [call, stream, watch] = [
      labels("unary", "Call"),
      labels("bidi_stream", "CallStream"),
      labels("server_stream", "WatchJob"),
    ];
    const started = [call, stream, watch].map((of) => `grpc_server_started_total{${of}}`);
    assert.equal(await values(metrics, ...started), [1, 1, 1]);
    const handled = ["OK", "PermissionDenied", "Unknown"].map(
      (code) => `grpc_server_handled_total{${call},grpc_code="${code}"}`,
    );
    assert.equal(await values(metrics, ...handled), [1, 1, 0]);
    const sums = [call, stream, watch].map((of) => `grpc_server_handling_seconds_sum{${of}}`);
    assert.equal(await values(metrics, ...sums), [1.75, 0, 60]);
    assert.equal(
      await values(
        metrics,
        `grpc_server_handling_seconds_bucket{le="0.25",${call}}`,
        'sealwire_failures_total{reason="TOOL_FORBIDDEN"}',
      ),
      [1, 1],
    );
  }));

test("an exemplar stands at the bucket and the method of its own call, in seconds, with the time of the call", () =>
  withMetrics(async (metrics, clock) => {
    await using endpoint = await metrics.listen("127.0.0.1:0");
    const call = (method: string, durationMs: number, digit: string): void => {
      const exemplar = { trace_id: digit.repeat(32), span_id: digit.repeat(16) };
      const record = { method, peer: "", startedAtMs: 0, reason: "", exemplar } as CallRecord;
      metrics.observer.callEnded(record, Status.OK, durationMs);
    };
    call(CALL_METHOD, 2, "a");
    call(CALL_METHOD, 40, "b");
    call(CALL_METHOD, 41, "c");
    call(WATCH_JOB_METHOD, 40, "d");
    call(CALL_METHOD, 90_000, "e");
    const text = await (await fetch(`http://${endpoint.address}/metrics`, { headers: OPENMETRICS })).text();
    const found = [
      ...text.matchAll(/le="([^"]+)".*grpc_method="(\w+)".* # \{trace_id="(\w)\w+",span_id="(\w)\w+"\} (\S+) (\S+)$/gm),
    ];
    const at = (clock.nowMs() / 1_000).toFixed(3);
    assert.equal(
      found.map(([, ...rest]) => rest),
      [
        ["0.0025", "Call", "a", "a", "0.002", at],
        ["0.05", "Call", "c", "c", "0.041", at],
        ["+Inf", "Call", "e", "e", "90", at],
        ["0.05", "WatchJob", "d", "d", "0.04", at],
      ],
    );
  }));

test("attempts stand under their outcome, and their times are in seconds", () =>
  withMetrics(async (metrics) => {
    const { observer } = metrics;
    observer.attemptStarted?.("build", 2_500);
    for (const [index, end] of (["succeeded", "failed", "cancelled", "handedBack", "lost"] as const).entries())
      for (let times = 0; times <= index; times += 1) observer.attemptEnded?.("build", end, 100);
    const outcomes = ["succeeded", "failed", "cancelled", "handed_back", "lost"];
    const counts = outcomes.map((outcome) => `sealwire_job_attempts_total{tool="build",outcome="${outcome}"}`);
    assert.equal(await values(metrics, ...counts), [1, 2, 3, 4, 5]);
    assert.equal(await values(metrics, 'sealwire_job_queue_wait_seconds_sum{tool="build"}'), [2.5]);
    const [sum = 0] = await values(metrics, 'sealwire_job_attempt_seconds_sum{tool="build"}');
    assert.is(Math.round(sum * 1_000), 1_500);
  }));

test("calls to upstreams, the audit log, handlers, connections and the last use of keys have their own values", () =>
  withMetrics(async (metrics, clock) => {
    const { observer } = metrics;
    observer.upstreamCalled?.("py", Status.UNAVAILABLE, 250);
    observer.upstreamInFlight?.("py", 3);
    observer.upstreamServes?.("py", "a.v1.Up", true);
    observer.upstreamServes?.("py", "a.v1.Down", false);
    assert.equal(
      await values(
        metrics,
        'sealwire_upstream_calls_total{upstream="py",grpc_code="Unavailable"}',
        'sealwire_upstream_call_seconds_sum{upstream="py"}',
        'sealwire_upstream_calls_in_flight{upstream="py"}',
        'sealwire_upstream_up{upstream="py",service="a.v1.Up"}',
        'sealwire_upstream_up{upstream="py",service="a.v1.Down"}',
      ),
      [1, 0.25, 3, 1, 0],
    );
    const audit = ["lines_total", "lost_total", "refused_total", "writable"].map((name) => `sealwire_audit_${name}`);
    assert.equal(await values(metrics, ...audit), [0, 0, 0, 1]);
    observer.auditChanged?.({ lines: 5, lost: 3, refused: 2, writable: false });
    assert.equal(await values(metrics, ...audit), [5, 3, 2, 0]);
    observer.overdueHandlers?.("build", 2);
    for (let opened = 0; opened < 3; opened += 1) observer.connectionOpened?.();
    observer.connectionClosed?.();
    metrics.noteKeyUse("k_1");
    assert.equal(
      await values(
        metrics,
        'sealwire_overdue_handlers{tool="build"}',
        "sealwire_connections",
        'sealwire_key_last_used_timestamp_seconds{key_id="k_1"}',
      ),
      [2, 2, clock.nowMs() / 1_000],
    );
  }));

test("jobs stand under their state, and the oldest that could run has its age in seconds", async () => {
  const clock = new FakeClock();
  await using store = await openSqliteStore({ path: ":memory:", clock });
  const metrics = await createMetrics({ store, clock });
  const { tools, descriptors } = testService({ Build: { job: {}, run: () => 0 } });
  await using server = await startServer({ store, clock, tools: [tools], descriptors: [descriptors], work: false });
  const client = server.client("alice", { clock });
  const ids: string[] = [];
  for (let job = 0; job < 3; job += 1) {
    ids.push((await client.call("build", ARGS)).job?.jobId ?? "");
    clock.advance(10_000);
  }
  await client.job(ids[0] ?? "").cancel();
  const states = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"].map(
    (state) => `sealwire_jobs{state="${state}"}`,
  );
  assert.equal(await values(metrics, ...states), [2, 0, 0, 0, 1]);
  assert.equal(await values(metrics, "sealwire_job_queue_age_seconds"), [20]);
});

test("a job waits from when it was due: after it was accepted, and after its pause following a failed attempt", async () => {
  const clock = new FakeClock();
  await using store = await openSqliteStore({ path: ":memory:", clock });
  const metrics = await createMetrics({ store, clock });
  const held = Promise.withResolvers<number>();
  const { tools, descriptors } = testService({
    Hold: { job: {}, run: () => held.promise },
    Retry: {
      job: { maxAttempts: 2, initialBackoff: { seconds: 60n, nanos: 0 }, maxBackoff: { seconds: 60n, nanos: 0 } },
      run: (_numbers, { attempt }) => {
        if (attempt === 1) throw new Error("not yet");
        return 0;
      },
    },
  });
  const observers = [metrics.observer];
  const work = { concurrency: 1 };
  await using server = await startServer({ store, clock, tools: [tools], descriptors: [descriptors], observers, work });
  const client = server.client("alice", { clock });
  await client.call("hold", ARGS);
  await eventually("it runs", async () => (await store.jobs.stats()).byState.RUNNING === 1);
  await client.call("retry", ARGS);
  clock.advance(7_000);
  held.resolve(0);
  const waited = async (): Promise<(number | undefined)[]> =>
    values(metrics, ...["count", "sum"].map((of) => `sealwire_job_queue_wait_seconds_${of}{tool="retry"}`));
  await eventually("the first attempt", async () => (await waited())[0] === 1);
  assert.equal(await waited(), [1, 7]);
  await eventually("it waits for the second", async () => (await store.jobs.stats()).byState.QUEUED === 1);
  await eventually("the second attempt", async () => {
    clock.advance(1_000);
    return (await waited())[0] === 2;
  });
  // The pause of up to a minute is no wait in the queue.
  const [, sum = 0] = await waited();
  assert.ok(sum >= 7 && sum <= 9, `${sum}`);
});

test.run();
