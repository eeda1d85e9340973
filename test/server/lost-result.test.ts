import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("server/lost-result");

test("a job whose result is lost between two reads is no success without an output: the caller asks again", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  let losses = 0;
  const jobs = new Proxy(store.jobs, {
    get(target, name) {
      if (name === "result" && losses++ < 2) return async () => null;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const losing = new Proxy(store, {
    get(target, name) {
      const value = name === "jobs" ? jobs : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await using server = await startServer({ store: losing });
  const client = server.client("alice", { retry: { initialDelayMs: 10 } });
  const { job } = await client.call("start_long_task", { seconds: 1 });
  const handle = client.job(job?.jobId ?? "");
  await eventually("it has ended", async () => (await store.jobs.get("alice", handle.jobId))?.state === "SUCCEEDED");
  assert.is((await handle.poll()).state, "SUCCEEDED");
  assert.ok(losses > 2);
});

test.run();
