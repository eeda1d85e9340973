// test-limit-ms: 300000

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { WIRE_REASONS } from "../../src/errors.ts";
import { JOB_STATES } from "../../src/jobs/job.ts";
import { VERSION } from "../../src/runtime/version.ts";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { scrape } from "../support/scrape.ts";
import { assert, suite } from "../support/suite.ts";
import { CliProcess, CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/metrics");

const METHODS = ["Call", "CallStream", "WatchJob"];
const TYPES: Readonly<Record<string, string>> = { Call: "unary", CallStream: "bidi_stream", WatchJob: "server_stream" };
const SUM = ["call", "batch_sum", '{"numbers":[1,2]}'];

test("every series is there from the start, at zero, and what the process is and takes", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--metrics", "127.0.0.1:0");
    const { value, text } = await scrape(server.ready.metrics ?? "");
    for (const reason of Object.keys(WIRE_REASONS)) assert.is(value(`sealwire_failures_total{reason="${reason}"}`), 0);
    for (const state of JOB_STATES) assert.is(value(`sealwire_jobs{state="${state}"}`), 0);
    for (const method of METHODS) {
      const labels = `grpc_type="${TYPES[method]}",grpc_service="sealwire.v1.ToolService",grpc_method="${method}"`;
      assert.is(value(`grpc_server_started_total{${labels}}`), 0, method);
      assert.is(value(`grpc_server_handled_total{${labels},grpc_code="Unauthenticated"}`), 0, method);
      assert.is(value(`grpc_server_handling_seconds_count{${labels}}`), 0, method);
    }
    assert.is(value('sealwire_overdue_handlers{tool="batch_sum"}'), 0);
    assert.is(value("sealwire_store_up"), 1);
    assert.is(value("sealwire_connections"), 0);
    assert.is(value(`sealwire_build_info{version="${VERSION}",protocol="mcp/0.1"}`), 1);
    for (const name of ["process_resident_memory_bytes", "process_open_fds", "nodejs_heap_size_used_bytes"])
      assert.ok((value(name) ?? 0) > 0, name);
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds \S+$/m);
  }));

test("connections are counted while they are open, and no more series come of it", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--metrics", "127.0.0.1:0");
    const { listening, metrics = "" } = server.ready;
    const names = (text: string) => text.split("\n").map((line) => line.replace(/ \S+$/, ""));
    await scrape(metrics);
    const before = names((await scrape(metrics)).text);
    await using job = new CliProcess(["jobs", "watch", "--all", "--address", listening], { cwd: folder });
    await eventually(
      "a connection is counted",
      async () => (await scrape(metrics)).value("sealwire_connections") === 1,
    );
    job.child.kill("SIGINT");
    await job.ended;
    await eventually("it is gone", async () => (await scrape(metrics)).value("sealwire_connections") === 0);
    assert.is((await run(SUM)).code, 0);
    const unknown = /^(sealwire_key_last_used_timestamp_seconds|nodejs_|process_)/;
    const added = names((await scrape(metrics)).text).filter((name) => !before.includes(name) && !unknown.test(name));
    assert.equal(added, []);
  }));

test("no key and no argument is in the metrics", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--metrics", "127.0.0.1:0");
    await run(["call", "batch_sum", '{"numbers":[271828182]}']);
    const { text } = await scrape(server.ready.metrics ?? "");
    assert.match(text, "sealwire_key_last_used_timestamp_seconds{");
    assert.not.match(text, "271828182");
    const secrets = readFileSync(join(folder, ".sealwire", "client.json"), "utf8").match(/sw[a-z]_[\w-]{20,}/g) ?? [];
    assert.ok(secrets.length > 0);
    for (const secret of secrets) assert.not.match(text, secret);
  }));

test("a store in a folder that cannot be written is down in the metrics, and up again by itself", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--metrics", "127.0.0.1:0");
    const up = async () => (await scrape(server.ready.metrics ?? "")).value("sealwire_store_up");
    const other = new DatabaseSync(join(folder, ".sealwire", "sealwire.db"));
    // Another writer in the way stands for a disk that takes nothing: both make the commit fail.
    other.exec("BEGIN IMMEDIATE");
    const called = await run([...SUM, "--timeout", "10s"]);
    assert.is(called.code, 4, called.stderr);
    assert.is(await up(), 0);
    other.exec("ROLLBACK");
    other.close();
    await eventually("nobody calls, and it is up", async () => (await up()) === 1);
  }));

if (hasPostgres(test)) {
  test("while the database is away metrics answer without the store's figures, and health says NOT_SERVING", () =>
    inFolder(async (folder) => {
      await using postgres = await PostgresServer.start();
      const env = { SEALWIRE_STORE: postgres.url(await postgres.newSchema()) };
      const serve = [
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
        "--health-file",
        "health",
      ];
      await using server = new CliProcess(serve, { cwd: folder, env });
      await server.until("the server", () => server.stdout.includes("\n"));
      const { listening, metrics } = JSON.parse(server.stdout);
      const health = async () => (await run(["health", "--address", listening])).stdout.trimEnd();
      const calm = await scrape(metrics);
      assert.is(calm.value("sealwire_store_up"), 1);
      assert.is(calm.value('sealwire_jobs{state="QUEUED"}'), 0);
      assert.is(calm.value("sealwire_store_connections_max"), 10);
      assert.is(calm.value('sealwire_store_connections{state="waiting"}'), undefined);
      assert.ok((calm.value('sealwire_store_connections{state="idle"}') ?? -1) >= 0);
      assert.ok((calm.value('sealwire_store_connections{state="used"}') ?? -1) >= 0);
      assert.is(calm.value("sealwire_store_connections_waiting"), 0);

      postgres.crash();
      const away = await eventually("the metrics say that the store is away", async () => {
        const found = await scrape(metrics);
        assert.is(found.status, 200, found.text);
        return found.value("sealwire_store_up") === 0 && found;
      });
      for (const gone of ['sealwire_jobs{state="QUEUED"}', "sealwire_nonces", "sealwire_job_queue_age_seconds"])
        assert.is(away.value(gone), undefined, gone);
      assert.match(away.text, 'sealwire_failures_total{reason="UNAVAILABLE"} 0');
      await eventually("health says so", async () => (await health()) === "NOT_SERVING");
      await eventually("the health file, too", () => readFileSync("health", "utf8") === "NOT_SERVING\n");

      postgres.startAgain();
      await eventually("the store is up", async () => (await scrape(metrics)).value("sealwire_store_up") === 1);
      await eventually("health says so, too", async () => (await health()) === "SERVING");
      assert.is((await scrape(metrics)).value('sealwire_jobs{state="QUEUED"}'), 0);
      assert.not.match(server.stderr, "the clock agrees");
    }));

  test("a database that answers nothing holds no scrape up", () =>
    inFolder(async (folder) => {
      await using postgres = await PostgresServer.start();
      const schema = await postgres.newSchema();
      await using server = new CliProcess(["serve", "--dev", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"], {
        cwd: folder,
        env: { SEALWIRE_STORE: postgres.url(schema) },
      });
      await server.until("the server", () => server.stdout.includes("\n"));
      const { metrics } = JSON.parse(server.stdout);
      await using blocker = await postgres.connect(schema);
      await blocker.query("BEGIN; LOCK TABLE job IN ACCESS EXCLUSIVE MODE");
      const found = await eventually("a scrape says so", async () => {
        const each = await scrape(metrics);
        return each.value("sealwire_store_up") === 0 && each;
      });
      assert.is(found.status, 200);
      await blocker.query("ROLLBACK");
      await eventually("it is up again", async () => (await scrape(metrics)).value("sealwire_store_up") === 1);
    }));
}

test.run();
