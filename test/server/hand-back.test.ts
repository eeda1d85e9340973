import { HandBackError } from "../../src/jobs/hand-back.ts";
import { type Logger, silentLogger } from "../../src/runtime/logger.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { testService } from "../support/test-service.ts";

const test = suite("server/hand-back");

test("a tool's handler hands its job back, which is no failure and nothing to log as one", async () => {
  const { tools, descriptors } = testService({
    Work: {
      job: { maxAttempts: 1 },
      run: (numbers, { attempt }) => {
        if (attempt < 3) throw new HandBackError("handed back", { began: attempt > 1, delayMs: 1 });
        return numbers.length;
      },
    },
  });
  const errors: unknown[] = [];
  const logger: Logger = { ...silentLogger, error: (fields) => void errors.push(fields), child: () => logger };
  await using server = await startServer({ tools: [tools], descriptors: [descriptors], logger });
  await using client = server.client();
  const { job } = await client.call("work", { numbers: [1, 2] });
  const handle = client.job(job?.jobId ?? "");
  for await (const { error } of handle.watch()) assert.is(error, undefined);
  assert.is(handle.latest?.state, "SUCCEEDED");
  assert.is(handle.latest?.attempt, 3);
  assert.equal(errors, []);
});

test.run();
