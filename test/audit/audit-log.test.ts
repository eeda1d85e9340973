import type { AuditFigures } from "../../src/audit/audit-log.ts";
import { AuditReader } from "../../src/audit/audit-reader.ts";
import { AuditRefusals } from "../../src/audit/refusals.ts";
import { eventually, settled } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { AuditFolder, call, problemsOf, writeCalls } from "./audit-file.ts";

const test = suite("audit/audit-log");

test("lines beyond 10,000 that wait are lost, counted and told once the log can be written", async () => {
  using folder = new AuditFolder();
  let figures: AuditFigures | undefined;
  let isFull = false;
  const text: string[] = [];
  await using log = await folder.open({
    async to(lines) {
      if (isFull) throw new Error("no space");
      text.push(Buffer.from(lines).toString());
    },
    onFigures: (next) => {
      figures = next;
    },
  });
  isFull = true;
  log.note(call("first"));
  await eventually("the failure", () => figures?.writable === false);
  for (let i = 0; i < 10_010; i += 1) log.note(call(`call-${i}`));
  assert.is(figures?.lost, 11);
  isFull = false;
  folder.clock.advance(1_000);
  await eventually("the lines", () => (figures?.lines ?? 0) >= 10_002);
  assert.match(text[1] ?? "", '"action":"log.resume"');
  assert.match(text[1] ?? "", '"lost":11,"refused":0');
});

test("the head is recorded every ten seconds and at the end", async () => {
  using folder = new AuditFolder();
  const recorded = () => [...folder.heads.heads.values()].map(({ sequence }) => sequence);
  {
    await using log = await folder.open();
    log.note(call("one"));
    await settled();
    assert.equal(recorded(), []);
    folder.clock.advance(10_000);
    await eventually("the head", () => recorded()[0] === 2);
  }
  assert.equal(recorded(), [3]);
});

test("a file has one writer at a time", async () => {
  using folder = new AuditFolder();
  await using _log = await folder.open();
  assert.match((await rejection("OPTIONS_INVALID", folder.open())).message, /Another process writes/);
});

test("operators read the newest lines first, page by page, and filtered", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 200);
  const reader = new AuditReader(folder.path);
  const first = await reader.read({ limit: 3, filters: {} });
  assert.equal(
    first.lines.map(({ sequence, action }) => [sequence, action]),
    [
      [202, "log.close"],
      [201, "call.end"],
      [200, "call.end"],
    ],
  );
  const next = await reader.read({ limit: 500, before: first.before ?? 0, filters: { action: "call.end" } });
  assert.equal([next.lines.length, next.lines[0]?.requestId, next.before], [198, "call-198", undefined]);
  assert.equal((await reader.read({ limit: 5, filters: { clientId: "bob" } })).lines, []);
  await rejection("UNAVAILABLE", new AuditReader(undefined).read({ limit: 1, filters: {} }));
  assert.equal(problemsOf(await folder.verify()), []);
});

test("refusals of a minute have 60 lines a key and 101 that count, at most", async () => {
  using folder = new AuditFolder();
  const refusal = { cause: "mac", client: undefined, tool: undefined, requestId: undefined, traceId: undefined };
  {
    await using log = await folder.open();
    using refusals = new AuditRefusals(log, folder.clock);
    const add = (peer: string, keyId: string | undefined) =>
      refusals.add({
        ...refusal,
        reason: keyId === undefined ? "SIGNATURE_INVALID" : "REPLAYED",
        peer,
        keyId,
        claimedKeyId: undefined,
      });
    for (let i = 0; i < 5_000; i += 1) add(`peer-${i % 1_000}:1`, undefined);
    for (let i = 0; i < 100; i += 1) add("peer:1", "k_1");
    folder.clock.advance(60_000);
    add("peer:1", "k_1");
  }
  const lines = folder
    .lines()
    .map((line) => JSON.parse(line))
    .filter(({ action }) => action === "call.refuse");
  const counted = lines.filter(({ count }) => count !== undefined);
  assert.equal([lines.length - counted.length, counted.length], [61, 101]);
  assert.is(
    counted.reduce((sum, { count }) => sum + count, 0),
    5_040,
  );
});

test.run();
