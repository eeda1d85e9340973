import type { Route } from "../../src/console/route.ts";
import { SealwireError } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";
import { bearer, EventReader, send } from "./http-client.ts";
import { startConsole } from "./test-console.ts";

const test = suite("console/live-views");

test("a view is read once in its interval for all who watch it, and not at all when nobody does", async () => {
  const clock = new FakeClock();
  await using console = await startConsole({ clock });
  const tokens = [await console.signIn(), await console.signIn()];
  assert.is(console.reads, 0);
  const readers: EventReader[] = [];
  for (let n = 0; n < 8; n += 1) {
    readers.push(await EventReader.open(console.origin, "/api/view", tokens[n % 2] ?? ""));
    assert.equal(await readers[n]?.next(), { data: { reads: 1 } });
  }
  clock.advance(1_000);
  for (const reader of readers) assert.equal(await reader.next(), { data: { reads: 2 } });
  for (const reader of readers) await reader[Symbol.asyncDispose]();
  // The heartbeats of streams are timers, too: when none is left, all streams are closed.
  await eventually("the streams are closed", () => clock.timers === 0);
  clock.advance(60_000);
  assert.is(console.reads, 2);
});

test("a view that takes long is read at most a twentieth of the time", async () => {
  const clock = new FakeClock();
  let reads = 0;
  const answer = (): object => {
    clock.advance(500);
    reads += 1;
    return { reads };
  };
  const routes: readonly Route[] = [{ method: "GET", path: "/api/slow", role: "viewer", intervalMs: 1_000, answer }];
  await using console = await startConsole({ clock, routes });
  const token = await console.signIn();
  await using reader = await EventReader.open(console.origin, "/api/slow", token);
  assert.equal(await reader.next(), { data: { reads: 1 } });
  clock.advance(9_000);
  await using other = await EventReader.open(console.origin, "/api/slow", token);
  assert.equal(await other.next(), { data: { reads: 1 } });
  clock.advance(1_000);
  assert.equal(await reader.next(), { data: { reads: 2 } });
});

test("a view that could not be read, or waited long for the store, follows it again soon", async () => {
  const clock = new FakeClock();
  const tookMs = [8_000, 30_000, 0];
  let reads = 0;
  const answer = (): object => {
    clock.advance(tookMs[reads] ?? 0);
    reads += 1;
    if (reads === 1) throw new SealwireError("UNAVAILABLE", "The store is away.");
    return { reads };
  };
  const routes: readonly Route[] = [{ method: "GET", path: "/api/slow", role: "viewer", intervalMs: 1_000, answer }];
  await using console = await startConsole({ clock, routes });
  await using reader = await EventReader.open(console.origin, "/api/slow", await console.signIn());
  assert.equal(await reader.next(), { error: { reason: "UNAVAILABLE", message: "The store is away." } });
  clock.advance(1_000);
  assert.equal(await reader.next(), { data: { reads: 2 } });
  clock.advance(60_000);
  assert.equal(await reader.next(), { data: { reads: 3 } });
});

test("a view that cannot be watched, or that is none, has no stream", async () => {
  await using console = await startConsole();
  const headers = bearer(await console.signIn());
  for (const view of ["/api/nowhere", "/api/session", "/api/stream?of=/api/view", "", "/"])
    assert.is(
      (await send(`${console.origin}/api/stream?of=${encodeURIComponent(view)}`, { headers })).status,
      404,
      view,
    );
});

test("more than 64 streams are refused, and one that is closed makes room", async () => {
  await using console = await startConsole();
  const token = await console.signIn();
  const url = `${console.origin}/api/stream?of=/api/view`;
  const readers: EventReader[] = [];
  for (let n = 0; n < 64; n += 1) readers.push(await EventReader.open(console.origin, "/api/view", token));
  assert.is((await send(url, { headers: bearer(token) })).status, 503);
  await readers.pop()?.[Symbol.asyncDispose]();
  readers.push(
    await eventually("there is room", async () => {
      try {
        return await EventReader.open(console.origin, "/api/view", token);
      } catch {
        return undefined;
      }
    }),
  );
  for (const reader of readers) await reader[Symbol.asyncDispose]();
});

test.run();
