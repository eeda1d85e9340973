import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCallJournal } from "../../../src/mcp/bridge/call-journal.ts";
import type { OpenCall } from "../../../src/mcp/bridge/open-calls.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/bridge/call-journal");

let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-journal-"));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const path = (index = 0): string => join(folder, `calls-${index}.jsonl`);
const call = (number: number): OpenCall => ({ key: `k${number}`, requestId: `r${number}`, beganAtMs: number });

function open() {
  const journal = openCallJournal({ folder, logger: silentLogger });
  if (journal === undefined) throw new Error("no journal");
  return journal;
}

test("the next bridge finds the calls that did not end, in a file that only the owner can read", () => {
  {
    using journal = open();
    for (const number of [1, 2, 3]) journal.begun(call(number));
    journal.ended(call(2));
  }
  using next = open();
  assert.equal(next.left, [call(1), call(3)]);
  assert.is(statSync(path()).mode & 0o777, 0o600);
});

test("the calls of several ended bridges go to one; those of a running one stay with it", () => {
  using running = open();
  running.begun(call(1));
  {
    using one = open();
    using other = open();
    one.begun(call(2));
    other.begun(call(3));
  }
  {
    using next = open();
    assert.equal(next.left, [call(2), call(3)]);
  }
  using last = open();
  assert.equal(last.left, [call(2), call(3)]);
});

test("a journal of calls that overlap without a pause does not grow", () => {
  using journal = open();
  journal.begun(call(0));
  for (let number = 1; number < 5_000; number += 1) {
    journal.begun(call(number));
    journal.ended(call(number - 1));
  }
  assert.ok(statSync(path()).size < 70_000, `${statSync(path()).size} bytes`);
  assert.match(readFileSync(path(), "utf8"), "r4999");
});

test("a link in the place of a journal is replaced, and its target stays as it is", () => {
  const target = join(folder, "precious");
  writeFileSync(target, "precious", { mode: 0o644 });
  symlinkSync(target, path());
  {
    using journal = open();
    journal.begun(call(1));
  }
  assert.is(readFileSync(target, "utf8"), "precious");
  assert.is(statSync(target).mode & 0o777, 0o644);
  using next = open();
  assert.equal(next.left, [call(1)]);
});

test("a line that was cut, and text that is no line, affect no other", () => {
  const lines = [
    '{"begun":{"key":"k',
    JSON.stringify({ begun: call(1) }),
    "null",
    "[]",
    '{"begun":{"key":1}}',
    "\u0000",
  ];
  writeFileSync(path(), `${lines.join("\n")}\n`);
  using journal = open();
  assert.equal(journal.left, [call(1)]);
  assert.equal(readdirSync(folder).toSorted(), ["calls-0.jsonl", "calls-0.jsonl.lock"]);
});

test.run();
