import { outputBytes } from "../../src/tools/handler.ts";
import { COUNT, type CountHandler, countingService, progressOf } from "../support/counting-service.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

/* Jobs whose method streams its response. */
const test = suite("tools/job-stream");

/** Starts the job and returns its handle. */
async function startJob(service: ReturnType<typeof countingService>) {
  const server = await startServer(service);
  const client = server.client("alice");
  const { job } = await client.call("count_up", { numbers: [1, 2, 3] });
  assert.ok(job);
  return {
    handle: client.job(job.jobId),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("messages with progress are the job's progress, the last message is its output", async () => {
  const seen = Promise.withResolvers<void>();
  await using started = await startJob(
    countingService({
      async *run(numbers) {
        for (const done of numbers.keys()) yield { progress: progressOf(done + 1, numbers.length), count: 99 };
        await seen.promise;
        yield { count: numbers.length };
      },
    }),
  );
  const reports: string[] = [];
  for await (const { progress } of started.handle.watch()) {
    if (progress !== undefined && reports.at(-1) !== progress.message) reports.push(progress.message);
    if (progress?.completed === 3) seen.resolve();
  }
  assert.is(reports.at(-1), "3 of 3");
  const output = await started.handle.result();
  assert.is(COUNT.decode(output.value).count, 3);
});

test("encoded messages are taken as they are", async () => {
  await using started = await startJob(
    countingService({
      async *run() {
        yield outputBytes(COUNT.encode({ progress: progressOf(1, 2) }).finish());
        yield outputBytes(COUNT.encode({ count: 7 }).finish());
      },
    }),
  );
  assert.is(COUNT.decode((await started.handle.result()).value).count, 7);
});

const BROKEN: readonly (readonly [what: string, message: string, run: CountHandler])[] = [
  [
    "without an output",
    "ended without an output",
    async function* () {
      yield { progress: progressOf(1, 2) };
    },
  ],
  [
    "with two outputs",
    "sent a message after its output",
    async function* () {
      yield { count: 1 };
      yield { count: 2 };
    },
  ],
  [
    "with progress after the output",
    "sent a message after its output",
    async function* () {
      yield { count: 1 };
      yield { progress: progressOf(2, 2) };
    },
  ],
];

for (const [what, message, run] of BROKEN) {
  test(`a stream ${what} fails the job for good`, async () => {
    await using started = await startJob(countingService({ run }));
    const error = await rejection("INTERNAL", started.handle.result());
    assert.match(error.message, `test.v1.CountingService.CountUp ${message}`);
    assert.is((await started.handle.poll()).attempt, 1);
  });
}

test("an error in the middle of a stream uses up an attempt", async () => {
  await using started = await startJob(
    countingService({
      async *run(_numbers, { attempt }) {
        yield { progress: progressOf(1, 2) };
        if (attempt === 1) throw new Error("a fault");
        yield { count: attempt };
      },
    }),
  );
  assert.is(COUNT.decode((await started.handle.result()).value).count, 2);
});

test("a stream ends when its job is cancelled", async () => {
  await using started = await startJob(
    countingService({
      async *run(_numbers, { signal }) {
        yield { progress: progressOf(1, 2) };
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    }),
  );
  for await (const { progress } of started.handle.watch()) if (progress !== undefined) break;
  await started.handle.cancel();
  await rejection("CANCELLED", started.handle.result());
});

test("a generator that does not look at its signal is closed when its job is cancelled", async () => {
  let [yielded, closed] = [0, false];
  await using started = await startJob(
    countingService({
      async *run() {
        try {
          for (;;) {
            yielded += 1;
            yield { progress: progressOf(yielded % 100, 100) };
          }
        } finally {
          closed = true;
        }
      },
    }),
  );
  // It never waits, and yet the server answers, and cancels it.
  for await (const { progress } of started.handle.watch()) if (progress !== undefined) break;
  await started.handle.cancel();
  await rejection("CANCELLED", started.handle.result());
  await eventually("the generator is closed", () => closed);
  assert.ok(yielded > 1);
});

test("an output that is returned instead of yielded is named as the mistake", async () => {
  await using started = await startJob(
    countingService({
      async *run() {
        yield { progress: progressOf(1, 2) };
        return { count: 1 };
      },
    }),
  );
  assert.match((await rejection("INTERNAL", started.handle.result())).message, "yield it, a returned value is ignored");
});

test("a streaming method that is no job, or whose progress is unclear, is refused at the start", async () => {
  const refused = async (options: Parameters<typeof countingService>[0]): Promise<string> =>
    (await rejection("OPTIONS_INVALID", startServer(countingService(options)))).message;
  const notAJob = await refused({ isJob: false });
  assert.match(notAJob, "CountUp streams its response without being a job");
  assert.match(notAJob, "option (sealwire.v1.job)");
  assert.match(await refused({ progressFields: [] }), "one field of type sealwire.v1.JobProgress, and has none");
  assert.match(await refused({ progressFields: ["progress", "more"] }), "and has 2");
});

test("list_tools describes a streaming job as any other", async () => {
  await using server = await startServer(countingService({}));
  await using client = server.client("alice");
  const { tools } = await client.listTools();
  const tool = tools.find(({ name }) => name === "count_up");
  assert.is(tool?.responseType, "test.v1.CountUpResponse");
  assert.is(tool?.job?.maxAttempts, 2);
});

test.run();
