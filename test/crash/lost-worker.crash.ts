// test-limit-ms: 600000
import { hasPostgres } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { Scene, wakeLate } from "./scene.ts";

const test = suite("crash/lost-worker");

const HOUR_MS = 3_600_000;
const BLOCKED_MS = 15_000;

function report(what: string, ms: number): void {
  console.log(`${what}: ran again after ${(ms / 1_000).toFixed(1)} s`);
}

test("a job of a server that was killed runs again after the restart", async () => {
  await using scene = await Scene.open("sqlite");
  const { replica, port } = await scene.start("server");
  await scene.submit(port, "linger", HOUR_MS);
  await scene.until("attempt began", 1);
  replica.signal("SIGKILL");
  await replica.ended;
  await scene.start("server");
  report("SQLite, once the server was up", await scene.until("attempt returned", 2));
  assert.equal(await scene.violations(), []);
  assert.is(scene.succeeded, 1);
});

if (hasPostgres(test)) {
  test("a job of a worker that was killed runs again on another", async () => {
    await using scene = await Scene.open("postgres");
    const { port } = await scene.start("server 1");
    const { replica } = await scene.start("worker 1");
    await scene.submit(port, "linger", HOUR_MS);
    await scene.until("attempt began", 1);
    await scene.start("worker 2");
    replica.signal("SIGKILL");
    report("PostgreSQL, from the kill", await scene.until("attempt began", 2));
    assert.equal(await scene.violations(), []);
    assert.is(scene.succeeded, 1);
  });

  test("a worker that wakes up late records nothing", async () => {
    assert.equal(await wakeLate(), []);
  });

  test("a handler that blocks its process for longer than the lease does not lose the job", async () => {
    await using scene = await Scene.open("postgres");
    const { port } = await scene.start("server 1");
    await scene.start("worker 1");
    await scene.submit(port, "block", BLOCKED_MS);
    await scene.until("attempt began", 1);
    await scene.start("worker 2");
    report("blocked for 15 s", await scene.until("attempt returned", 2));
    await scene.until("attempt returned", 1);
    assert.equal(await scene.violations(), []);
    assert.is(scene.succeeded, 1);
  });
}

test.run();
