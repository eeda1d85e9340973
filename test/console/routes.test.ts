import { tokenDigest } from "../../src/files/token-lines.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { bearer, EventReader, send, signIn } from "./http-client.ts";
import { type OperatedConsole, startOperatedConsole } from "./operated-console.ts";

const test = suite("console/routes");

/** Reads with a session of its own. */
async function reading(console: OperatedConsole): Promise<{
  readonly token: string;
  read(path: string): Promise<{ readonly status: number; readonly text: string }>;
}> {
  const session = await signIn(console.origin, console.url.split("#token=")[1] ?? "");
  const { token } = session.json<{ token: string }>();
  return { token, read: (path) => send(`${console.origin}${path}`, { headers: bearer(token) }) };
}

/** The names of all members in a value of JSON. */
function names(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return found;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) found.add(name);
    names(inner, found);
  }
  return found;
}

const JOB = [
  "jobId",
  "client",
  "tool",
  "state",
  "attempt",
  "maxAttempts",
  "cancelRequested",
  "createdAtMs",
  "startedAtMs",
];
const ENDED = ["endedAtMs", "progress", "done", "total", "message"];
const DETAILS = ["requestId", "revision", "expiresAtMs", "attempts", "instance", "outcome", "hasPayloads"];

test("a job is shown without its arguments and its result, with --operator-payloads, too", async () => {
  for (const payloads of [false, true]) {
    await using console = await startOperatedConsole({ payloads });
    const { token, read } = await reading(console);
    const shop = console.client("shop");
    await shop.call("render_invoice", { numbers: [-31337.25] });
    await shop.call("export_orders", { numbers: [-31337.25] });
    await eventually("it has ended", async () => (await console.store.jobs.stats()).byState.SUCCEEDED === 1);
    for (const [state, more] of [
      ["SUCCEEDED", ENDED],
      ["RUNNING", ENDED.slice(1)],
    ] as const) {
      const list = await read(`/api/jobs?state=${state}`);
      const { jobs } = JSON.parse(list.text) as { readonly jobs: readonly { readonly jobId: string }[] };
      assert.is(jobs.length, 1);
      const path = `/api/jobs/${jobs[0]?.jobId}`;
      await using stream = await EventReader.open(console.origin, path, token);
      const { data } = (await stream.next()) as { readonly data: unknown };
      const texts = [list.text, (await read(path)).text, JSON.stringify(data)];
      const known = new Set<string>([...JOB, ...more, ...DETAILS, "jobs"]);
      for (const text of texts) {
        assert.equal(
          [...names(JSON.parse(text))].filter((name) => !known.has(name)),
          [],
        );
        assert.not.match(text, "31337");
      }
    }
  }
});

test("arguments and results are read by operators alone, and only with --operator-payloads", async () => {
  const principals = (["operator", "viewer"] as const).map((role) => ({ name: role, role, digest: tokenDigest(role) }));
  for (const payloads of [false, true]) {
    await using console = await startOperatedConsole({ payloads, principals });
    const shop = console.client("shop");
    const open = await shop.call("export_orders", { numbers: [-31337.25] });
    const ended = await shop.call("render_invoice", { numbers: [0] });
    await eventually("it has ended", async () => (await console.store.jobs.stats()).byState.SUCCEEDED === 1);
    const answers: Record<string, { readonly status: number; readonly text: string }> = {};
    for (const role of ["operator", "viewer"]) {
      const { token } = (await signIn(console.origin, role)).json<{ token: string }>();
      for (const [name, jobId] of [
        ["open", open.job?.jobId],
        ["ended", ended.job?.jobId],
        ["missing", "0"],
      ]) {
        const path = `${console.origin}/api/jobs/${jobId}/payloads`;
        answers[`${role} ${name}`] = await send(path, { headers: bearer(token) });
        const stream = `${console.origin}/api/stream?of=${encodeURIComponent(`/api/jobs/${jobId}/payloads`)}`;
        assert.is((await send(stream, { headers: bearer(token) })).status, 404, "it is no live view");
      }
    }
    for (const name of ["open", "ended", "missing"]) assert.is(answers[`viewer ${name}`]?.status, 403);
    if (!payloads) {
      assert.match(answers["operator open"]?.text ?? "", "--operator-payloads");
      assert.is(answers["operator open"]?.status, 409);
      continue;
    }
    assert.is(answers["operator missing"]?.status, 404);
    const shown = JSON.parse(answers["operator open"]?.text ?? "") as { readonly args: string };
    assert.equal(JSON.parse(shown.args).numbers, [-31337.25]);
    assert.not.ok("result" in shown);
    const result = JSON.parse(answers["operator ended"]?.text ?? "") as { readonly result: string };
    assert.match(JSON.parse(result.result)["@type"], "type.googleapis.com/");
    assert.not.ok("args" in result, "arguments are deleted at the end");
  }
});

test("parameters that are none of a page's are left out", async () => {
  await using console = await startOperatedConsole();
  const { read } = await reading(console);
  await console.client("shop").call("export_orders", { numbers: [1] });
  for (const query of ["since=constructor", "since=1y", "from=x", "from=-1", "state=toString", "other=1", "page="]) {
    const { status, text } = await read(`/api/jobs?${query}`);
    assert.is(status, 200, query);
    assert.is((JSON.parse(text) as { readonly jobs: readonly unknown[] }).jobs.length, 1, query);
  }
  const { status, text } = await read("/api/jobs?page=none");
  assert.is(status, 400);
  assert.match(text, '"reason":"ARGS_INVALID"');
});

test("a name or a filter with U+0000 is refused on PostgreSQL, too", async () => {
  if (!hasPostgres(test)) return;
  await using database = await PostgresServer.start();
  await using store = await openPostgresStore({ url: database.url(await database.newSchema()) });
  await using console = await startOperatedConsole({ store, payloads: true });
  const { token, read } = await reading(console);
  for (const path of ["/api/jobs/a%00b", "/api/jobs/a%00b/payloads", "/api/keys/%00"]) {
    assert.is((await read(path)).status, 404, path);
  }
  const cancelled = await send(`${console.origin}/api/jobs/a%00b/cancel`, {
    method: "POST",
    headers: { ...bearer(token), "content-type": "application/json" },
    body: "{}",
  });
  assert.is(cancelled.status, 404);
  for (const path of ["/api/jobs?client=a%00b", "/api/jobs?tool=%00", "/api/jobs?page=%00", "/api/audit?job=%00"]) {
    const { status, text } = await read(path);
    assert.is(status, 400, path);
    assert.match(text, '"reason":"ARGS_INVALID"');
  }
});

test.run();
