import { eventually } from "../../support/eventually.ts";
import { removeClient, startServer, type TestServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TcpLink } from "../../support/tcp-link.ts";
import { type TestTool, testService } from "../../support/test-service.ts";
import { textOf } from "./raw-host.ts";
import { type RunningBridge, startBridge } from "./running-bridge.ts";

/* Calls whose connection is lost while the tool runs, and whose next attempt is refused. */
const test = suite("mcp/bridge/lost-calls");

const ARGS = { numbers: [1, 2] };
const CONTINUED = "continues an identical earlier one";

/** A server with the tool `write` and the job `work`, whose runs end with the gate, and a bridge over a link. */
async function startLinked() {
  const gate = Promise.withResolvers<number>();
  let runs = 0;
  const run: TestTool["run"] = (_, { progress }) => {
    runs += 1;
    progress(1, 2);
    return gate.promise;
  };
  const { tools, descriptors } = testService({ Work: { job: { maxAttempts: 1 }, run }, Write: { run } });
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startServer({ tools: [tools], descriptors: [descriptors] }));
  const link = parts.use(await TcpLink.to(Number(server.address.split(":").at(-1))));
  const client = { address: `127.0.0.1:${link.port}`, retry: { maxAttempts: 100 } };
  const bridge = parts.use(await startBridge(server, { client }));
  const kept = parts.move();
  return { server, link, bridge, gate, runs: () => runs, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Lets the only client call these tools. */
function allow({ keyRing }: TestServer, tool: string): void {
  const { document } = keyRing;
  keyRing.replace({ ...document, keys: document.keys.map((key) => ({ ...key, tools: [tool] })) });
}

/** Resolves when the host has heard of the progress of a job. */
function untilWatched({ host }: RunningBridge): Promise<unknown> {
  const reports = () => host.notified("notifications/progress").map(({ params }) => Number(params?.progress));
  return eventually("the job is watched", () => reports().some((progress) => progress >= 1));
}

test("a call that is refused after its connection was lost is continued, and runs once", async () => {
  await using linked = await startLinked();
  const { server, link, bridge, gate, runs } = linked;
  const first = bridge.host.call("write", ARGS);
  await eventually("the tool runs", () => runs() === 1);
  allow(server, "other");
  link.breakConnections();
  const refused = await first;
  assert.is(refused.isError, true);
  assert.match(textOf(refused), "TOOL_FORBIDDEN");
  assert.match(textOf(refused), "The call may have taken effect.");
  allow(server, "*");
  gate.resolve(42);
  const again = await bridge.host.call("write", ARGS);
  assert.equal(again.structuredContent, { count: 2, total: 42 });
  assert.match(textOf(again), CONTINUED);
  assert.is(runs(), 1);
});

test("a job whose end cannot be waited for is answered with its id, and a repetition continues it", async () => {
  await using linked = await startLinked();
  const { server, link, bridge, gate, runs } = linked;
  const { document } = server.keyRing;
  const first = bridge.host.call("work", ARGS, { _meta: { progressToken: 1 } });
  await untilWatched(bridge);
  removeClient(server, "alice");
  link.breakConnections();
  const open = await first;
  assert.match(textOf(open), "CREDENTIALS_REFUSED");
  assert.match(textOf(open), "Call wait_for_job with this job_id; do not start it again.");
  server.keyRing.replace(document);
  gate.resolve(42);
  const { job_id } = open.structuredContent;
  assert.equal((await bridge.host.call("wait_for_job", { job_id })).structuredContent, { count: 2, total: 42 });
  const again = await bridge.host.call("work", ARGS);
  assert.match(textOf(again), CONTINUED);
  assert.is(runs(), 1);
});

test.run();
