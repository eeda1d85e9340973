import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import type { ToolOutput } from "../../src/client/calls/tool-output.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { testService } from "../support/test-service.ts";

/* What a handler knows of the time that is left: `ToolContext.deadlineMs`. */
const test = suite("server/deadline");

const CLOSE_MS = 250;

/** Tools whose result is the time that they have left, in milliseconds. */
const { tools, descriptors } = testService({
  TimeLeft: { idempotent: true, run: (_numbers, { deadlineMs }) => deadlineMs - Date.now() },
  TimeLeftOnce: { run: (_numbers, { deadlineMs }) => deadlineMs - Date.now() },
  TimeLeftOfJob: {
    job: { executionTimeout: { seconds: 30n, nanos: 0 } },
    run: (_numbers, { deadlineMs }) => deadlineMs - Date.now(),
  },
});

function isAbout(leftMs: number, expectedMs: number): void {
  // A unary call has a little more, so that the client's own time is up first.
  assert.ok(leftMs <= expectedMs + 100 && leftMs > expectedMs - CLOSE_MS, `${leftMs} ms left of ${expectedMs}`);
}

async function leftMs(output: ToolOutput | undefined): Promise<number> {
  return BatchSumResponse.decode(output?.value ?? new Uint8Array()).total;
}

for (const pipeline of [false, true]) {
  const way = pipeline ? "over a stream" : "as a request";

  test(`a handler knows the shorter of the caller's and the server's time, ${way}`, async () => {
    await using server = await startServer({
      tools: [tools],
      descriptors: [descriptors],
      limits: { callTimeoutMs: 5_000 },
    });
    await using client = server.client("alice", { pipeline });
    for (const tool of ["time_left", "time_left_once"]) {
      // The first call of a stream has no header yet.
      await client.call(tool, { numbers: [1] });
      const short = await client.call(tool, { numbers: [1] }, { timeoutMs: 2_000 });
      isAbout(await leftMs(short.output), 2_000);
      const long = await client.call(tool, { numbers: [1] }, { timeoutMs: 60_000 });
      isAbout(await leftMs(long.output), 5_000);
    }
  });
}

test("the handler of a job knows when its attempt times out, whatever its caller's time", async () => {
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  await using client = server.client("alice");
  const { job } = await client.call("time_left_of_job", { numbers: [1] }, { timeoutMs: 2_000 });
  isAbout(await leftMs(await client.job(job?.jobId ?? "").result()), 30_000);
});

test.run();
