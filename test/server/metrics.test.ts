import { SealwireError } from "../../src/errors.ts";
import { createMetrics } from "../../src/server/metrics/metrics.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { RawClient, signRaw } from "../support/raw-client.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { valueIn } from "../support/scrape.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";
import { traceProcess } from "../tracing/traced.ts";

/* What metrics say of jobs, keys and traces. */
const test = suite("server/metrics");

const ARGS = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };
const OPENMETRICS = { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" };

test("attempts are counted by tool and outcome, with the time that their job has waited", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  const metrics = await createMetrics({ store });
  const { tools, descriptors } = testService({
    Build: {
      job: { maxAttempts: 2, initialBackoff: { seconds: 0n, nanos: 1_000_000 } },
      run: (_numbers, { attempt }) => {
        if (attempt === 1) throw new SealwireError("TOOL_FAILED", "not yet", { retryable: true });
        return 0;
      },
    },
  });
  const observers = [metrics.observer];
  await using server = await startServer({ store, tools: [tools], descriptors: [descriptors], observers });
  const client = server.client();
  const { job } = await client.call("build", ARGS);
  await client.job(job?.jobId ?? "").result();
  const of = async (outcome: string): Promise<number | undefined> =>
    valueIn(await metrics.text(), `sealwire_job_attempts_total{tool="build",outcome="${outcome}"}`);
  await eventually("the last attempt is counted", async () => (await of("succeeded")) === 1);
  assert.equal([await of("failed"), await of("lost"), await of("handed_back"), await of("cancelled")], [1, 0, 0, 0]);
  const text = await metrics.text();
  assert.is(valueIn(text, 'sealwire_job_queue_wait_seconds_count{tool="build"}'), 2);
  assert.is(valueIn(text, 'sealwire_job_attempt_seconds_count{tool="build"}'), 2);
});

test("the next expiry of a usable key is shown", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  const clock = new FakeClock();
  const expiresMs = clock.nowMs() + 3_600_000;
  const clients = { alice: {}, bob: { notAfterMs: expiresMs }, eve: { notAfterMs: expiresMs + 60_000 } };
  await using server = await startServer({ store, clients });
  const metrics = await createMetrics({ store, keyRing: server.keyRing, clock });
  const left = async (): Promise<number | undefined> =>
    valueIn(await metrics.text(), "sealwire_key_next_expiry_seconds");
  assert.is(await left(), 3_600);
  clock.advance(3_600_000);
  assert.is(await left(), 60);
  clock.advance(60_000);
  assert.is(await left(), undefined);
  const without = await createMetrics({ store });
  assert.is(valueIn(await without.text(), "sealwire_key_next_expiry_seconds"), undefined);
});

test("a call that is refused after its signature counts against its key, and a forged one does not", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  const metrics = await createMetrics({ store });
  await using server = await startServer({
    store,
    clients: { alice: { tools: ["other"] } },
    observers: [metrics.observer],
  });
  await rejection("TOOL_FORBIDDEN", server.client().call("batch_sum", ARGS));
  const { keyId } = server.credentials();
  const series = `sealwire_key_refusals_total{key_id="${keyId}"}`;
  await eventually("it is counted", async () => valueIn(await metrics.text(), series) === 1);
  const { frame, ...rest } = signRaw(server.credentials(), { tool: "other", type: TEST_INPUT });
  frame.writeUInt8((frame.at(-1) ?? 0) ^ 1, frame.length - 1);
  using raw = new RawClient(server.address, server.credentials());
  assert.is((await raw.send({ frame, ...rest })).reason, "SIGNATURE_INVALID");
  const forged = 'sealwire_failures_total{reason="SIGNATURE_INVALID"}';
  await eventually("it is counted", async () => valueIn(await metrics.text(), forged) === 1);
  assert.is(valueIn(await metrics.text(), series), 1);
});

test("a scraper that asks for OpenMetrics gets the trace of a call, and others get the text format", async () => {
  await using traced = await traceProcess();
  await using store = await openSqliteStore({ path: ":memory:" });
  const metrics = await createMetrics({ store });
  await using endpoint = await metrics.listen("127.0.0.1:0");
  await using server = await startServer({ store, observers: [metrics.observer] });
  await server.client("alice", { pipeline: false }).call("batch_sum", { numbers: [1] });
  const scrape = (headers: Record<string, string>): Promise<Response> =>
    fetch(`http://${endpoint.address}/metrics`, { headers });
  const found = await eventually("the exemplar", async () =>
    /grpc_server_handling_seconds_bucket\{.* # \{trace_id="(\w+)",span_id="(\w+)"\} \S+ \S+$/m.exec(
      await (await scrape(OPENMETRICS)).text(),
    ),
  );
  const open = await scrape(OPENMETRICS);
  assert.match(open.headers.get("content-type") ?? "", "application/openmetrics-text");
  const text = await open.text();
  assert.match(text, /^# TYPE sealwire_failures counter$/m);
  assert.match(text, /^sealwire_failures_total\{/m);
  assert.match(text, /^# TYPE nodejs_active_handles_total gauge$/m);
  assert.ok(text.endsWith("\n# EOF\n") && !text.includes("\n\n"));
  const plain = await (await scrape({})).text();
  assert.not.match(plain, "trace_id");
  assert.match(plain, /^# TYPE sealwire_failures_total counter$/m);
  await traced.flush();
  const span = traced.collector.spans.find(({ spanId }) => spanId === found[2]);
  assert.equal([span?.traceId, span?.kind], [found[1], 2]);
});

test.run();
