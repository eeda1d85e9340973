import { SealwireClient } from "../../src/client/client.ts";
import { SealwireError } from "../../src/errors.ts";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/attempts");

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

/** Fails in its first attempt. */
const WORK = testService({
  Work: {
    job: { maxAttempts: 2, initialBackoff: { seconds: 0n, nanos: 10_000_000 } },
    run: (numbers, { attempt }) => {
      if (attempt === 1) throw new SealwireError("TOOL_FAILED", "no room\u009b", { retryable: true });
      return numbers.length;
    },
  },
});

test("a poll that asks, and `jobs get`, have the attempts of a job; other answers have none", () =>
  inFolder(async () => {
    await using server = await startServer({ tools: [WORK.tools], descriptors: [WORK.descriptors] });
    await writeCredentials("client.json", server.credentials());
    await using client = new SealwireClient({ credentials: server.credentials() });
    const args = { typeUrl: TYPE_URL_PREFIX + TEST_INPUT, value: testArgs(1) };
    const { job } = await client.call("work", args, { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` });
    const handle = client.job(job?.jobId ?? "");
    await handle.result();
    assert.not.ok("attempts" in (await handle.poll()));
    const { attempts = [] } = await handle.poll({ includeAttempts: true });
    assert.equal(
      attempts.map(({ attempt, outcome, error }) => [attempt, outcome, error?.reason, error?.message]),
      [
        [2, "SUCCEEDED", undefined, undefined],
        [1, "FAILED", "TOOL_FAILED", "no room\u009b"],
      ],
    );
    for (const each of attempts) {
      assert.not.ok("instance" in each);
      assert.ok(each.startedAtMs > 0 && (each.endedAtMs ?? 0) >= each.startedAtMs);
    }
    assert.not.ok((await client.listJobs({})).jobs.some((each) => "attempts" in each));

    const { stdout } = await run(["jobs", "get", handle.jobId, "--credentials", "client.json"]);
    assert.match(stdout, new RegExp(`^trace +${TRACE_ID}$`, "m"));
    const json = await run(["jobs", "get", handle.jobId, "--json", "--credentials", "client.json"]);
    assert.is(JSON.parse(json.stdout).job.traceId, TRACE_ID);
    assert.is((await handle.poll()).traceId, TRACE_ID);
    const untraced = await client.call("work", args);
    assert.is(untraced.job?.traceId, undefined);
    assert.not.match(
      (await run(["jobs", "get", untraced.job?.jobId ?? "", "--credentials", "client.json"])).stdout,
      "trace",
    );
    assert.match(stdout, /^attempt 2 SUCCEEDED, started .* took [\d.]+ s$/m);
    assert.match(stdout, /^attempt 1 FAILED, started .* took [\d.]+ s: TOOL_FAILED: no room/m);
    assert.not.match(stdout, "\u009b");
  }));

test.run();
