import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { Status } from "../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../src/errors.ts";
import { type RawAnswer, RawClient, type RawRequest } from "../support/raw-client.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";

const test = suite("server/intents");

function total({ responses }: RawAnswer): number | undefined {
  const result = responses[0]?.result;
  return result && BatchSumResponse.decode(result.value).total;
}

function request(tool: string, requestId: string, ...numbers: number[]): RawRequest {
  return { tool, type: TEST_INPUT, requestId, value: testArgs(...numbers) };
}

test("a tool with side effects runs once per request id, and the repeat gets the same result", async () => {
  let runs = 0;
  const { tools, descriptors } = testService({ Count: { run: () => ++runs } });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  assert.is(total(await client.call(request("count", "r1", 5))), 1);
  assert.is(total(await client.call(request("count", "r1", 5))), 1);
  assert.is(total(await client.call(request("count", "r2", 5))), 2);
  assert.is(runs, 2);
});

test("a repeat of a failed call gets the details of its error, too", async () => {
  const { tools, descriptors } = testService({
    Count: {
      run: () => {
        const detail = { typeUrl: "type.googleapis.com/test.v1.Extra", value: Buffer.from("why") };
        throw new SealwireError("TOOL_FAILED", "on purpose", { details: [detail], retryDelayMs: 10 });
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  const [first, second] = [await client.call(request("count", "r1", 5)), await client.call(request("count", "r1", 5))];
  assert.equal(
    first.responses[0]?.error?.details.map(({ value }) => Buffer.from(value).toString()),
    ["why"],
  );
  assert.equal(second.responses[0]?.error, first.responses[0]?.error);
});

test("an idempotent tool runs every time", async () => {
  let runs = 0;
  const { tools, descriptors } = testService({ Look: { idempotent: true, run: () => ++runs } });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  for (let i = 0; i < 2; i++) await client.call(request("look", "r1", 5));
  assert.is(runs, 2);
});

test("a request id that stands for other arguments or another tool is refused", async () => {
  const { tools, descriptors } = testService({
    Count: { run: () => 1 },
    Work: { job: { maxAttempts: 1 }, run: () => 1 },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(request("count", "r1", 5))).code, 0);
  assert.is((await client.call(request("count", "r1", 6))).reason, "REQUEST_ID_REUSED");
  assert.is((await client.call(request("work", "r1", 5))).reason, "REQUEST_ID_REUSED");
  assert.is((await client.call(request("work", "r2", 5))).code, 0);
  assert.is((await client.call(request("count", "r2", 5))).reason, "REQUEST_ID_REUSED");
});

test("the same job request gives the same job", async () => {
  const { tools, descriptors } = testService({ Work: { job: { maxAttempts: 1 }, run: () => 1 } });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  const ids = [];
  for (let i = 0; i < 2; i++) ids.push((await client.call(request("work", "r1", 5))).responses[0]?.job?.jobId);
  assert.is(ids[0], ids[1]);
  assert.ok(ids[0]);
});

test("a repeat while the call still runs is told to wait", async () => {
  const gate = Promise.withResolvers<number>();
  const running = Promise.withResolvers<void>();
  const { tools, descriptors } = testService({
    Hold: {
      run: () => {
        running.resolve();
        return gate.promise;
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  const first = client.call(request("hold", "r1", 5));
  await running.promise;
  const repeat = await client.call(request("hold", "r1", 5));
  assert.is(repeat.reason, "REQUEST_IN_PROGRESS");
  assert.ok(repeat.responses[0]?.error?.retryDelay !== undefined);
  gate.resolve(9);
  assert.is(total(await first), 9);
  assert.is(total(await client.call(request("hold", "r1", 5))), 9);
});

test("a tool's own failure is a signed answer, remembered like a result", async () => {
  let runs = 0;
  const { tools, descriptors } = testService({
    Fail: {
      run: () => {
        runs += 1;
        throw new SealwireError("TOOL_FAILED", "the shelf is empty", { status: "NOT_FOUND" });
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  for (let i = 0; i < 2; i++) {
    const { code, responses } = await client.call(request("fail", "r1", 5));
    assert.is(code, 0);
    assert.is(responses[0]?.ok, false);
    assert.is(responses[0]?.status, Status.ERROR);
    assert.is(responses[0]?.error?.reason, ErrorReason.TOOL_FAILED);
    assert.is(responses[0]?.error?.message, "the shelf is empty");
  }
  assert.is(runs, 1);
});

test("what a tool throws unexpectedly reaches the log, and the caller only as a fixed text", async () => {
  const logged: string[] = [];
  const log = (fields: object): void => {
    if ("err" in fields) logged.push(String(fields.err));
  };
  const logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
  const { tools, descriptors } = testService({
    Crash: {
      run: () => {
        throw new Error("password is hunter2");
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors], logger });
  using client = new RawClient(server.address, server.credentials());
  const { responses } = await client.call(request("crash", "r1", 5));
  assert.is(responses[0]?.error?.reason, ErrorReason.INTERNAL);
  assert.not.match(responses[0]?.error?.message ?? "", "hunter2");
  assert.ok(logged.some((text) => text.includes("hunter2")));
});

test.run();
