// test-limit-ms: 240000
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import { eventually } from "../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/postgres/figures");

/** Rows of jobs that ended, three in four of them well. */
const ENDED = `INSERT INTO job (job_id, owner, request_id, intent_digest, tool, state, revision, attempt, failures,
    cancel_requested, priority, max_attempts, execution_timeout_ms, initial_backoff_ms, max_backoff_ms, retention_ms,
    cancel_grace_ms, created_at_ms, run_at_ms, started_at_ms, ended_at_ms, expires_at_ms)
  SELECT 'job ' || n, 'owner ' || n % 100, 'job ' || n, '', 'echo', CASE WHEN n % 4 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
    3, 1, 0, false, 0, 3, 1, 1, 1, 86400000, 1, 0, 0, 0, 0, 9000000000000 FROM generate_series(1, $1::integer) AS n`;
const QUEUED = `INSERT INTO job (job_id, owner, request_id, intent_digest, tool, state, revision, attempt, failures,
    cancel_requested, priority, max_attempts, execution_timeout_ms, initial_backoff_ms, max_backoff_ms, retention_ms,
    cancel_grace_ms, created_at_ms, run_at_ms)
  SELECT 'queued ' || n, 'owner ' || n % 7, 'queued ' || n, '', 'echo', 'QUEUED',
    1, 0, 0, false, 0, 3, 1, 1, 1, 86400000, 1, 0, $2::bigint - n FROM generate_series(1, $1::integer) AS n`;
const NONCES = `INSERT INTO nonce SELECT n % 8, 'client', decode(md5(n::text), 'hex'), 9000000000000
  FROM generate_series(1, $1::integer) AS n`;

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("the figures of a large store are near enough, and read no more pages than those of a small one", async () => {
    const schema = await server.newSchema();
    await using store = await openPostgresStore({ url: server.url(schema) });
    await using client = await server.connect(schema);
    const read = async () => ({ ...(await store.jobs.stats()), nonces: await store.replay.size() });
    const figures = () => eventually("the store has a connection", () => read().catch(() => undefined));
    /** Pages of these tables that were read so far. A process tells its counts when it ends, so all are ended. */
    const pagesRead = async (): Promise<number> => {
      const ours = "FROM pg_stat_activity WHERE application_name = 'sealwire'";
      await client.query(`SELECT pg_terminate_backend(pid) ${ours}`);
      await eventually("they are gone", async () => (await client.query(`SELECT ${ours}`)).rowCount === 0);
      const { rows } = await client.query(`SELECT coalesce(sum(heap_blks_read + heap_blks_hit), 0)::integer AS pages
        FROM pg_statio_user_tables WHERE relname = 'job' OR relname LIKE 'nonce%'`);
      return rows[0].pages;
    };
    assert.equal(await figures(), {
      byState: { QUEUED: 0, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 },
      oldestQueuedMs: 0,
      nonces: 0,
    });
    await client.query(ENDED, [200_000]);
    await client.query(NONCES, [300_000]);
    const before = await pagesRead();
    await figures();
    const pages = (await pagesRead()) - before;
    const { rows } = await client.query("SELECT pg_relation_size('job') / 8192 AS pages");
    assert.ok(pages > 1_000 && pages < 4_000, `${pages} pages were read; the jobs have ${rows[0].pages}`);
    await client.query(QUEUED, [3_000, Date.now()]);
    const { byState, oldestQueuedMs, nonces } = await figures();
    const near = (value: number, wanted: number): void =>
      assert.ok(Math.abs(value - wanted) < wanted / 5, `${value} for ${wanted}`);
    near(byState.SUCCEEDED, 150_000);
    near(byState.FAILED, 50_000);
    near(nonces, 300_000);
    assert.is(byState.QUEUED, 3_000, "open jobs are counted");
    assert.is(byState.RUNNING, 0);
    assert.is(byState.CANCELLED, 0);
    assert.ok(oldestQueuedMs >= 3_000 && oldestQueuedMs < 60_000, String(oldestQueuedMs));
  });
}

test.run();
