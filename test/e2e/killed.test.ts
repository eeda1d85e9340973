import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealwireClient } from "../../src/client/client.ts";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { CliServer } from "../cli/cli-process.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("e2e/killed");

const CALLS = 160;
const CALLERS = 16;
const KILL_AFTER = 50;

for (const pipeline of [true, "auto"] as const) {
  test(`calls on a stream whose server is killed are carried out by the next one, each job started once (pipeline: ${pipeline})`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-killed-"));
    try {
      const first = await CliServer.start(folder, "--dev");
      const address = first.ready.listening;
      const credentials = await readCredentials(join(folder, ".sealwire", "client.json"));
      await using client = new SealwireClient({
        credentials,
        address,
        pipeline,
        retry: { maxAttempts: 100, initialDelayMs: 20, maxDelayMs: 500 },
      });
      const requestIds = Array.from({ length: CALLS }, (_, i) => `job-${i}`);
      const answered = new Map<string, string | undefined>();
      const killed = Promise.withResolvers<void>();
      const waiting = requestIds.values();
      const callers = Array.from({ length: CALLERS }, async () => {
        for (const requestId of waiting) {
          const { job } = await client.call("start_long_task", { seconds: 20 }, { requestId });
          answered.set(requestId, job?.jobId);
          if (answered.size === KILL_AFTER) killed.resolve();
        }
      });
      await killed.promise;
      await first[Symbol.asyncDispose]();
      await using _second = await CliServer.start(folder, "--dev", "--listen", address);
      await Promise.all(callers);
      const jobs = new Map<string, string>();
      for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
        const page = await client.listJobs({ pageSize: 500, pageToken });
        for (const { jobId, requestId } of page.jobs) {
          assert.not(jobs.has(requestId), `${requestId} was started once`);
          jobs.set(requestId, jobId);
        }
        pageToken = page.nextPageToken;
      }
      assert.equal(jobs.size, CALLS);
      for (const [requestId, jobId] of answered) assert.is(jobs.get(requestId), jobId);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test.run();
