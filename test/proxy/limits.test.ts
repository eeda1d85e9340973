import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { status } from "@grpc/grpc-js";
import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { WatchJobsRequest } from "../../gen/sealwire/system/v1/watch_jobs.ts";
import { eventually } from "../support/eventually.ts";
import { HoldingTool } from "../support/holding-tool.ts";
import { framed, openCall, statusOf } from "../support/http-call.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { testArgs } from "../support/test-service.ts";
import { infoOf } from "./native-client.ts";
import { startProxy } from "./running-proxy.ts";

/* The limits of a proxy, and its shutdown. */
const test = suite("proxy/limits");

const HOLD = "test.v1.TestService/Hold";
const LONG_TASK = "sealwire.demo.v1.DemoToolService/StartLongTask";
const SUM = "sealwire.demo.v1.DemoToolService/BatchSum";

test("further calls than may be in flight are refused; an abandoned one makes room", async () => {
  const tool = new HoldingTool({ endsOnAbort: true });
  await using server = await startServer(tool.options);
  await using proxy = await startProxy(server.client("alice", { pipeline: false }), { limits: { callsMax: 2 } });
  const calls = [1, 2].map((number) => proxy.native.open(HOLD, testArgs(number)));
  await Promise.all([1, 2].map((number) => tool.untilBegun(number)));
  const refused = await proxy.native.call(HOLD, testArgs(3));
  assert.equal([refused.code, infoOf(refused).reason], [status.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"]);
  calls[0]?.cancel();
  await eventually("there is room", async () => {
    const call = proxy.native.open(HOLD, testArgs(4));
    const begun = await Promise.race([call.answer.then(() => false), tool.untilBegun(4).then(() => true)]);
    call.cancel();
    return begun;
  });
  await tool.finish(2);
  assert.is((await calls[1]?.answer)?.code, status.OK);
});

test("a request that does not arrive in time ends its call", async () => {
  await using server = await startServer();
  await using proxy = await startProxy(server.client("alice", { pipeline: false }), {
    limits: { requestTimeoutMs: 100 },
  });
  const answer = await proxy.native.sendNothing(SUM);
  assert.is(answer.code, status.DEADLINE_EXCEEDED);
  assert.match(answer.details, "The request did not arrive completely in time");
});

test("a request above 1 MiB is refused", async () => {
  await using server = await startServer();
  await using proxy = await startProxy(server.client("alice", { pipeline: false }));
  assert.is((await proxy.native.call(SUM, Buffer.alloc(1024 * 1024 + 1))).code, status.RESOURCE_EXHAUSTED);
});

test("a caller that disconnects in mid-request frees its call", async () => {
  await using server = await startServer();
  await using proxy = await startProxy(server.client("alice", { pipeline: false }), {
    listen: "127.0.0.1:0",
    allowAllLocalUsers: true,
    limits: { callsMax: 1 },
  });
  for (let i = 0; i < 3; i++) {
    const session = connectHttp2(`http://${proxy.proxy.address}`);
    await once(session, "remoteSettings");
    const stream = openCall(session, `/${SUM}`);
    stream.on("error", () => {});
    stream.write(framed(testArgs(1)).subarray(0, 3));
    await new Promise((resolve) => session.ping(resolve));
    assert.is((await proxy.native.call(SUM, testArgs(1))).code, status.RESOURCE_EXHAUSTED);
    session.destroy();
    await eventually("the call is free", async () => (await proxy.native.call(SUM, testArgs(1))).code === status.OK);
  }
});

test("a drain refuses new calls, ends watches, and lets open calls finish", async () => {
  const tool = new HoldingTool();
  await using server = await startServer(tool.options);
  await using proxy = await startProxy(server.client("alice", { pipeline: false }), {
    listen: "127.0.0.1:0",
    allowAllLocalUsers: true,
  });
  const session = connectHttp2(`http://${proxy.proxy.address}`);
  await once(session, "remoteSettings");
  const held = proxy.native.open(HOLD, testArgs(1));
  await tool.untilBegun(1);
  const jobs = WatchJobsRequest.encode(WatchJobsRequest.fromPartial({})).finish();
  const watch = proxy.native.open("sealwire.system.v1.SystemToolService/WatchJobs", jobs);
  await eventually("the watch runs", () => watch.messages.length > 0);
  const drained = proxy.proxy.drain(10_000);
  assert.is((await watch.answer).code, status.UNAVAILABLE);
  assert.is(await statusOf(openCall(session, `/${SUM}`)), status.UNAVAILABLE);
  await tool.finish(1);
  assert.is((await held.answer).code, status.OK);
  session.destroy();
  await drained;
});

test("a job whose call is cut off by a drain goes on, and its caller is not made to start another", async () => {
  await using server = await startServer();
  await using proxy = await startProxy(server.client("alice", { pipeline: false }));
  const task = StartLongTaskRequest.encode({ seconds: 1, payload: {} }).finish();
  const metadata = { "sealwire-cancel-on-abandon": "true" };
  const call = proxy.native.open(LONG_TASK, task, { metadata });
  const [jobId] = (await call.head).get("sealwire-job-id");
  await proxy.proxy.drain(0);
  const answer = await call.answer;
  assert.equal([answer.code, infoOf(answer).reason], [status.UNKNOWN, "OUTCOME_UNKNOWN"]);
  assert.is(infoOf(answer).metadata.job_id, jobId);
  assert.match(answer.details, `Job ${jobId} goes on`);
  await server.client().job(String(jobId)).result();
});

test.run();
