import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { type FaultCall, type FaultUpstream, SERVICE, startFaultUpstream } from "./fault-upstream.ts";

/* What reaches an upstream, and what comes back. */
const test = suite("upstream/forwarding");

async function start(
  act: (call: FaultCall) => unknown,
  options = {},
): Promise<AsyncDisposable & { upstream: FaultUpstream; server: TestServer }> {
  await using started = new AsyncDisposableStack();
  const upstream = started.use(await startFaultUpstream(act, options));
  const server = started.use(await startServer({ tools: [], upstreams: [upstream.options] }));
  const client = server.client();
  await eventually("the upstream serves", async () => (await client.health(SERVICE)) === "SERVING");
  const all = started.move();
  return { upstream, server, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

test("a call reaches the upstream with who calls, and its answer comes back signed", async () => {
  await using both = await start((call) => call.send(`did ${call.what}`));
  const client = both.server.client();
  const { output } = await client.call("act", { what: "this" }, { requestId: "one", timeoutMs: 5_000 });
  assert.equal(await output?.json(), { text: "did this" });
  const [call] = both.upstream.calls;
  assert.ok(call);
  const sent = Object.fromEntries(
    Object.entries(call.metadata.getMap()).filter(([key]) => key.startsWith("sealwire-")),
  );
  assert.match(String(sent["sealwire-idempotency-key"]), /^[0-9a-f]{64}$/);
  delete sent["sealwire-idempotency-key"];
  assert.equal(sent, {
    "sealwire-client-id": "alice",
    "sealwire-request-id": "one",
    "sealwire-tool": "act",
    "sealwire-server-id": "test-server",
    "sealwire-attempt": "1",
  });
  assert.ok(call.deadlineMs - Date.now() < 5_100 && call.deadlineMs - Date.now() > 0);
});

test("invalid arguments never reach the upstream", async () => {
  await using both = await start((call) => call.send(""));
  await rejection("ARGS_INVALID", both.server.client().call("act", { what: "x".repeat(101) }));
  assert.is(both.upstream.calls.length, 0);
});

test("a job runs at the upstream, and a streaming one reports progress", async () => {
  await using both = await start(async (call) => {
    if (call.method === "Work") return call.send("worked");
    call.progress(1, 3);
    await new Promise((resolve) => setTimeout(resolve, 300));
    call.progress(2, 3);
    await new Promise((resolve) => setTimeout(resolve, 300));
    call.send("flowed");
    call.end();
  });
  const client = both.server.client();
  const worked = await client.call("work", { what: "now" });
  assert.equal(await (await client.job(worked.job?.jobId ?? "").result()).json(), { text: "worked" });
  const [work] = both.upstream.calls;
  assert.is(work?.metadata.get("sealwire-job-id")[0], work?.metadata.get("sealwire-idempotency-key")[0]);
  const flow = await client.call("flow", { what: "now" });
  const job = client.job(flow.job?.jobId ?? "");
  const seen: bigint[] = [];
  for await (const { progress } of job.watch()) if (progress !== undefined) seen.push(BigInt(progress.completed));
  assert.ok(seen.includes(1n) && seen.includes(2n), String(seen));
  assert.equal(await (await job.result()).json(), { text: "flowed" });
});

test.run();
