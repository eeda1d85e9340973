import fc from "fast-check";
import type { ListQuery } from "../../src/jobs/engine.ts";
import type { JobView } from "../../src/jobs/job.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest } from "./store-under-test.ts";

/** Requirements on every engine: listing jobs. */
export function listingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/listing`);
  const bench = new Bench(engine, test);

  const query = (overrides: Partial<ListQuery> = {}): ListQuery => ({
    owner: "alice",
    states: [],
    pageSize: 2,
    ...overrides,
  });

  async function all(overrides: Partial<ListQuery> = {}): Promise<JobView[]> {
    const jobs: JobView[] = [];
    for (let pageToken: string | undefined; ; ) {
      const page = await bench.jobs.list(query({ ...overrides, ...(pageToken === undefined ? {} : { pageToken }) }));
      jobs.push(...page.jobs);
      pageToken = page.nextPageToken;
      if (pageToken === undefined) return jobs;
    }
  }

  test("a list holds the owner's jobs, newest first, and no other's", async () => {
    const submitted: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      submitted.unshift((await bench.submit()).jobId);
      await bench.submit({ owner: "bob" });
    }
    assert.equal(
      (await all()).map(({ jobId }) => jobId),
      submitted,
    );
  });

  test("a page that holds the last job has no token", async () => {
    for (let index = 0; index < 4; index += 1) await bench.submit();
    const first = await bench.jobs.list(query());
    const second = await bench.jobs.list(query({ pageToken: String(first.nextPageToken) }));
    assert.is(second.jobs.length, 2);
    assert.is(second.nextPageToken, undefined);
    assert.equal(await bench.jobs.list(query({ owner: "nobody" })), { jobs: [] });
  });

  test("jobs that come between two pages do not disturb the second", async () => {
    const old = [await bench.submit(), await bench.submit(), await bench.submit()];
    const first = await bench.jobs.list(query());
    await bench.submit();
    await bench.jobs.cancel("alice", old[0]?.jobId ?? "");
    const second = await bench.jobs.list(query({ pageToken: String(first.nextPageToken) }));
    assert.equal(
      second.jobs.map(({ jobId }) => jobId),
      [old[0]?.jobId],
    );
  });

  test("a token is good after a restart", async () => {
    for (let index = 0; index < 3; index += 1) await bench.submit();
    const { nextPageToken } = await bench.jobs.list(query());
    await bench.under.restart();
    assert.is((await bench.jobs.list(query({ pageToken: String(nextPageToken) }))).jobs.length, 1);
  });

  test("a token of another query, and anything that is no token, is refused by name", async () => {
    for (let index = 0; index < 3; index += 1) await bench.submit();
    const { nextPageToken: pageToken = "" } = await bench.jobs.list(query({ states: ["QUEUED"] }));
    const strange = [
      query({ pageToken }),
      query({ states: ["RUNNING"], pageToken }),
      query({ states: ["QUEUED"], tool: "echo", pageToken }),
      query({ states: ["QUEUED"], owner: "bob", pageToken }),
      ...["", "1", "AAAA", pageToken.slice(1), `${pageToken}AAAA`, "é".repeat(48)].map((text) =>
        query({ pageToken: text }),
      ),
    ];
    for (const each of strange) {
      const { violations } = await rejection("ARGS_INVALID", bench.jobs.list(each));
      assert.is(violations[0]?.field, "page_token");
    }
    assert.is((await bench.jobs.list(query({ states: ["QUEUED"], pageSize: 9, pageToken }))).jobs.length, 1);
  });

  test("a token tells nothing about the number of jobs", async () => {
    for (let index = 0; index < 3; index += 1) await bench.submit();
    const tokens = new Set<string | undefined>();
    for (let round = 0; round < 3; round += 1) tokens.add((await bench.jobs.list(query())).nextPageToken);
    assert.is(tokens.size, 3);
  });

  test("the pages of any filter together hold exactly the jobs that match it", async () => {
    const random = fc.sample(fc.record({ tool: fc.constantFrom("echo", "other"), cancel: fc.boolean() }), 40);
    const jobs: JobView[] = [];
    for (const { tool, cancel } of random) {
      const job = await bench.submit({ tool });
      jobs.unshift((cancel ? await bench.jobs.cancel("alice", job.jobId) : undefined) ?? job);
    }
    const states = fc.subarray(["QUEUED", "RUNNING", "CANCELLED"] as const);
    const tools = fc.constantFrom(undefined, "echo", "other", "absent");
    await fc.assert(
      fc.asyncProperty(states, tools, fc.integer({ min: 1, max: 50 }), async (states, tool, pageSize) => {
        const matching = jobs.filter(
          (job) =>
            (states.length === 0 || states.includes(job.state as never)) && (tool === undefined || job.tool === tool),
        );
        assert.equal(await all({ states, pageSize, ...(tool === undefined ? {} : { tool }) }), matching);
      }),
      { numRuns: 50 },
    );
  });

  test.run();
}
