import type { JobNews } from "../../../src/jobs/engine.ts";
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import { spec } from "../../contract/store-under-test.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/postgres/watch-all");

/** The first step of a watch, and every job of those until `enough`. */
async function follow(watch: AsyncIterable<JobNews>, enough: (heard: string[]) => boolean) {
  const heard: string[] = [];
  for await (const { jobs, resumeMs } of watch) {
    heard.push(...jobs.map(({ requestId, state }) => `${requestId} ${state}`));
    if (enough(heard)) return { heard, resumeMs };
  }
  throw new Error("the watch ended");
}

if (hasPostgres(test)) {
  test("an end that is committed after a later one is given to who resumes", async () => {
    await using server = await PostgresServer.start();
    const schema = await server.newSchema();
    await using store = await openPostgresStore({ url: server.url(schema) });
    const [slow, quick] = await Promise.all(
      ["slow", "quick"].map((requestId) => store.jobs.submit(spec({ requestId }))),
    );
    const client = await server.connect(schema);
    await client.query("BEGIN");
    await client.query(
      "UPDATE job SET state = 'CANCELLED', revision = 2, ended_at_ms = $1, expires_at_ms = $1 WHERE job_id = $2",
      [Date.now() - 1_000, slow?.job.jobId],
    );
    await store.jobs.cancel("alice", quick?.job.jobId ?? "");
    const { heard, resumeMs } = await follow(store.jobs.watchAll("alice"), (heard) => heard.length > 0);
    assert.equal(heard, ["slow QUEUED"]);
    await client.query("COMMIT");
    await client.end();
    const resumed = store.jobs.watchAll("alice", { endedSinceMs: resumeMs });
    await follow(resumed, (heard) => heard.includes("slow CANCELLED"));
  });

  test("a watch of all jobs in one process hears what another process commits", async () => {
    await using server = await PostgresServer.start();
    const schema = await server.newSchema();
    const url = server.url(schema);
    await using watching = await openPostgresStore({ url });
    await using working = await openPostgresStore({ url });
    const heard: string[] = [];
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const watch = (async () => {
      for await (const { jobs } of watching.jobs.watchAll("alice")) {
        heard.push(...jobs.map(({ requestId, state }) => `${requestId} ${state}`));
        begin();
        if (heard.includes("one CANCELLED") && heard.includes("two SUCCEEDED")) return;
      }
    })();
    await begun;
    const { job } = await working.jobs.submit(spec({ requestId: "one", tool: "nobody's" }));
    await working.jobs.submit(spec({ requestId: "two" }));
    await working.jobs.submit(spec({ requestId: "foreign", owner: "bob" }));
    await using _worker = await working.jobs.work(new Map([["echo", async () => Buffer.from("done")]]), {
      concurrency: 1,
    });
    await working.jobs.cancel("alice", job.jobId);
    await watch;
    assert.not(heard.some((each) => each.startsWith("foreign")));
  });
}

test.run();
