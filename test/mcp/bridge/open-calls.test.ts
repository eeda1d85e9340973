import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCallJournal } from "../../../src/mcp/bridge/call-journal.ts";
import { callKey, OpenCalls } from "../../../src/mcp/bridge/open-calls.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";
import { recordingLogger } from "../servers/running-fixture.ts";

const test = suite("mcp/bridge/open-calls");

const TEN_MINUTES_MS = 600_000;

let folder = "";
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-journal-"));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

function journalIn(path: string) {
  const journal = openCallJournal({ folder: path, logger: silentLogger });
  if (journal === undefined) throw new Error("no journal");
  return journal;
}

test("the key differs with the server, the client, the tool and each byte of the arguments", () => {
  const call = { serverId: "s", clientId: "c", tool: "t", args: Buffer.from("a") };
  const others = [
    { ...call, serverId: "s2" },
    { ...call, clientId: "c2" },
    { ...call, tool: "t2" },
    { ...call, args: Buffer.from("b") },
    { ...call, serverId: "sc", clientId: "" },
  ];
  assert.is(callKey(call), callKey({ ...call }));
  assert.is(new Set([call, ...others].map(callKey)).size, others.length + 1);
});

test("a call is taken once, the oldest first, and only after its host has gone", () => {
  const calls = new OpenCalls(new FakeClock());
  const [one, other] = [calls.begin("k", "1"), calls.begin("k", "2")];
  assert.is(calls.take("k"), undefined);
  calls.abandon(one);
  calls.abandon(other);
  assert.is(calls.take("j"), undefined);
  assert.is(calls.take("k")?.requestId, "1");
  assert.is(calls.take("k")?.requestId, "2");
  assert.is(calls.take("k"), undefined);
});

test("a call is forgotten ten minutes after it began", () => {
  const clock = new FakeClock();
  const calls = new OpenCalls(clock);
  const call = calls.begin("k", "1");
  clock.advance(TEN_MINUTES_MS - 1);
  calls.abandon(call);
  calls.abandon(calls.take("k") ?? call);
  clock.advance(2);
  assert.is(calls.take("k"), undefined);
});

test("what was begun and not ended is left to the next bridge, and ended calls are not", () => {
  const clock = new FakeClock();
  {
    using journal = journalIn(folder);
    const calls = new OpenCalls(clock, journal);
    calls.begin("k", "1");
    calls.end(calls.begin("k", "2"));
    calls.abandon(calls.begin("j", "3"));
  }
  for (let restart = 0; restart < 2; restart += 1) {
    using journal = journalIn(folder);
    const calls = new OpenCalls(clock, journal);
    assert.equal(
      journal.left.map(({ requestId }) => requestId),
      ["1", "3"],
    );
    assert.is(calls.take("k")?.requestId, "1");
    assert.is(calls.take("j")?.requestId, "3");
  }
});

test("the calls of a bridge that runs are not left to another", () => {
  using running = journalIn(folder);
  new OpenCalls(new FakeClock(), running).begin("k", "1");
  using second = journalIn(folder);
  assert.equal(second.left, []);
  new OpenCalls(new FakeClock(), second).begin("k", "2");
});

test("the calls of all bridges that ended are left to the next one", () => {
  {
    using one = journalIn(folder);
    using other = journalIn(folder);
    for (const [index, journal] of [one, other].entries()) {
      new OpenCalls(new FakeClock(), journal).begin("k", `${index}`);
    }
  }
  {
    using next = journalIn(folder);
    assert.equal(next.left.map(({ requestId }) => requestId).toSorted(), ["0", "1"]);
  }
  using again = journalIn(folder);
  assert.is(again.left.length, 2);
});

test("its files are for their owner only, and a line that was written in part is ignored", () => {
  const nested = join(folder, "a/b");
  {
    using journal = journalIn(nested);
    new OpenCalls(new FakeClock(), journal).begin("k", "1");
  }
  assert.is(statSync(nested).mode & 0o777, 0o700);
  for (const name of readdirSync(nested)) assert.is(statSync(join(nested, name)).mode & 0o777, 0o600, name);
  appendFileSync(join(nested, "calls-0.jsonl"), '\n{"begun":{"key":"k","requ\n{"begun":{"key":1}}\nnull\n');
  using journal = journalIn(nested);
  assert.is(journal.left.length, 1);
});

test("a journal does not grow without end", () => {
  using journal = journalIn(folder);
  const calls = new OpenCalls(new FakeClock(), journal);
  for (let index = 0; index < 2_000; index += 1) calls.end(calls.begin("k".repeat(43), `${index}`));
  assert.ok(statSync(join(folder, "calls-0.jsonl")).size < 100_000);
  assert.not.match(readFileSync(join(folder, "calls-0.jsonl"), "utf8"), '"0"');
});

test("a folder that cannot be one is logged, and the bridge goes on without a journal", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  chmodSync(file, 0o600);
  const { logger, text } = recordingLogger();
  assert.is(openCallJournal({ folder: file, logger }), undefined);
  assert.match(text(), "kept in memory only");
});

test.run();
