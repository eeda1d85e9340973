import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import type { AuditFigures } from "../../src/audit/audit-log.ts";
import { AuditReader } from "../../src/audit/audit-reader.ts";
import { ChainWriter } from "../../src/audit/chain-writer.ts";
import { CHAIN_START } from "../../src/audit/line.ts";
import { AuditRefusals } from "../../src/audit/refusals.ts";
import type { AuditSink, WriteResult } from "../../src/audit/sink.ts";
import { eventually, settled } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { AuditFolder, call, KEY, problemsOf } from "./audit-file.ts";

const test = suite("audit/audit-log");

/** A file on a disk that has room for some bytes of each write. */
class NarrowSink implements AuditSink {
  readonly name = "narrow";
  readonly path: string;
  readonly tail = { head: undefined, torn: undefined, isOpen: false };
  room = 0;

  constructor(path: string) {
    this.path = path;
  }

  async write(bytes: Buffer): Promise<WriteResult> {
    const fitting = bytes.subarray(0, this.room);
    appendFileSync(this.path, fitting);
    return { written: fitting.length };
  }

  async sync(): Promise<void> {}

  async reopen(): Promise<undefined> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

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

test("the head is recorded at the start, every ten seconds and at the end", async () => {
  using folder = new AuditFolder();
  const recorded = () => [...folder.heads.heads.values()][0]?.sequence;
  {
    await using log = await folder.open();
    assert.is(recorded(), 1);
    log.note(call("one"));
    await settled();
    assert.is(recorded(), 1);
    folder.clock.advance(10_000);
    await eventually("the head", () => recorded() === 2);
  }
  assert.is(recorded(), 3);
});

test("a file has one writer, by whatever name", async () => {
  using folder = new AuditFolder();
  await using log = await folder.open();
  symlinkSync(folder.path, folder.file("link"));
  assert.match(
    (await rejection("OPTIONS_INVALID", folder.open({ to: folder.file("link") }))).message,
    /Another process/,
  );
  // Also if the name leads there only later.
  await using other = await folder.open({ to: folder.file("other.log") });
  rmSync(folder.file("other.log"));
  symlinkSync(folder.path, folder.file("other.log"));
  await other.reopen();
  other.note(call("other"));
  log.note(call("one"));
  await other[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
  assert.equal(problemsOf(await folder.verify()), []);
});

test("what is no regular file is refused, at the start and in the place of the file", async () => {
  using folder = new AuditFolder();
  const pipe = folder.file("pipe");
  execFileSync("/usr/bin/mkfifo", [pipe]);
  assert.match((await rejection("OPTIONS_INVALID", folder.open({ to: pipe }))).message, /is no regular file/);
  assert.match(
    (await rejection("OPTIONS_INVALID", folder.open({ to: folder.folder }))).message,
    /cannot be opened \(EISDIR\)/,
  );
  mkdirSync(folder.file("a.log.lock"));
  const locked = await rejection("OPTIONS_INVALID", folder.open({ to: folder.file("a.log") }));
  assert.match(locked.message, /^The lock .*a\.log\.lock cannot be taken: it is a link, or no regular file/);
  await using log = await folder.open();
  renameSync(folder.path, folder.file("moved"));
  renameSync(pipe, folder.path);
  await log.reopen();
  log.note(call("one"));
  await eventually("the line", () => folder.lines(folder.file("moved")).length === 2);
  const reader = new AuditReader(folder.path);
  assert.match((await rejection("UNAVAILABLE", reader.read({ limit: 1, filters: {} }))).message, /no regular file/);
});

test("a disk with little room for a long time leaves many incomplete lines, and each is reported", async () => {
  using folder = new AuditFolder();
  const sink = new NarrowSink(folder.path);
  const head = { chain: "0".repeat(32), sequence: 0, mac: CHAIN_START };
  const writer = new ChainWriter({ sink, head, server: "s", instance: "i", key: () => KEY });
  const write = async (): Promise<number> => {
    const torn = writer.takeTorn(8);
    const details = torn.length === 0 ? [{}] : torn.map((each) => ({ torn: each.torn.map((line) => ({ ...line })) }));
    const { lines } = await writer.write(
      details.map((each) => ({ event: { ...call("r"), details: each }, timeMs: 0 })),
    );
    writer.giveBack(torn.slice(lines));
    return lines;
  };
  sink.room = 100;
  for (let i = 0; i < 120; i += 1) assert.is(await write(), 0);
  sink.room = 1_000_000;
  assert.is(await write(), 6);
  const { findings, notes } = await folder.verify();
  assert.equal([findings, notes.length], [[], 120]);
});

test("a file has one writer at a time", async () => {
  using folder = new AuditFolder();
  await using _log = await folder.open();
  assert.match((await rejection("OPTIONS_INVALID", folder.open())).message, /Another process writes/);
});

test("strangers from many addresses do not keep the lines that count the refusals of a key", async () => {
  using folder = new AuditFolder();
  const refusal = {
    action: "call.refuse" as const,
    tool: undefined,
    requestId: undefined,
    claimedKeyId: undefined,
    traceId: undefined,
  };
  {
    await using log = await folder.open();
    using refusals = new AuditRefusals(log, folder.clock);
    for (let i = 0; i < 1_000; i += 1)
      refusals.add({
        ...refusal,
        reason: "SIGNATURE_INVALID",
        peer: `peer-${i}:1`,
        client: undefined,
        keyId: undefined,
      });
    for (let i = 0; i < 100; i += 1)
      refusals.add({ ...refusal, reason: "QUOTA_EXCEEDED", peer: "peer:1", client: "ann", keyId: "k_1" });
  }
  const counted = folder
    .lines()
    .map((line) => JSON.parse(line))
    .filter(({ count, actor }) => count !== undefined && actor?.key === "k_1");
  assert.equal(
    counted.map(({ count, details }) => [count, details.causes]),
    [[40, { QUOTA_EXCEEDED: 40 }]],
  );
});

test("refusals of a minute have 60 lines a key, one more that counts, and 101 that count those of strangers, at most", async () => {
  using folder = new AuditFolder();
  const refusal = { cause: "mac", client: undefined, tool: undefined, requestId: undefined, traceId: undefined };
  {
    await using log = await folder.open();
    using refusals = new AuditRefusals(log, folder.clock);
    const add = (peer: string, keyId: string | undefined) =>
      refusals.add({
        ...refusal,
        action: "call.refuse",
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
  assert.equal([lines.length - counted.length, counted.length], [61, 102]);
  assert.is(
    counted.reduce((sum, { count }) => sum + count, 0),
    5_040,
  );
});

test("a line has nothing that moves the cursor of a terminal or turns its text around", async () => {
  using folder = new AuditFolder();
  const id = "\u009b31m\u202egnp.exe\u2028\u007f\u0000\n";
  {
    await using log = await folder.open();
    log.note({ ...call("one"), target: { type: "job", id } });
  }
  const line = folder.lines()[1] ?? "";
  assert.match(line, /^[\x20-\x7e]+$/);
  assert.is(JSON.parse(line).target.id, id);
  assert.equal(problemsOf(await folder.verify()), []);
});

test.run();
