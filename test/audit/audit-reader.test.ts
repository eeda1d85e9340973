import { writeFileSync } from "node:fs";
import { AuditReader } from "../../src/audit/audit-reader.ts";
import { assert, suite } from "../support/suite.ts";
import { AuditFolder } from "./audit-file.ts";

const test = suite("audit/audit-reader");

/** A line that an operator can read; nobody has sealed it. */
function line(chain: string, sequence: number): string {
  const actor = { client: sequence % 1_000 === 0 ? "rare" : "shop", key: "k_1" };
  const fields = { version: 1, time: "2026-01-01T00:00:00.000Z", chain, sequence, prev: "", secret: "s_1", actor };
  const more = { instance: "one", action: "call.end", outcome: "succeeded", source: "x".repeat(sequence % 700) };
  return `${JSON.stringify({ ...fields, ...more }).slice(0, -1)},"mac":"${"0".repeat(64)}"}\n`;
}

/** A file of about 2 MB: an older chain, damaged lines, and the newest chain. */
function write(path: string): void {
  const lines = Array.from({ length: 300 }, (_, index) => line("a".repeat(32), index + 1));
  for (let sequence = 1; sequence <= 4_000; sequence += 1) {
    lines.push(line("b".repeat(32), sequence));
    if (sequence % 500 === 250) lines.push(`${"damaged ".repeat(20_000)}\n`, "\n");
  }
  writeFileSync(path, `${lines.join("")}not yet wri`);
}

test("a page begins below its sequence, wherever that is in the file", async () => {
  using folder = new AuditFolder();
  write(folder.path);
  const reader = new AuditReader(folder.path);
  for (const before of [4_001, 4_000, 3_999, 3_751, 3_750, 2_000, 1_251, 251, 250, 101, 12]) {
    const { lines } = await reader.read({ limit: 10, before, filters: {} });
    const expected = Array.from({ length: 10 }, (_, index) => before - 1 - index);
    assert.equal(
      lines.map(({ sequence }) => sequence),
      expected,
      `before ${before}`,
    );
  }
  const { lines } = await reader.read({ limit: 500, before: 3, filters: {} });
  assert.equal(
    lines.map(({ sequence }) => sequence),
    [2, 1, 2, 1],
  );
  assert.equal((await reader.read({ limit: 5, before: 1, filters: {} })).lines, []);
});

test("pages that follow each other have every line once", async () => {
  using folder = new AuditFolder();
  write(folder.path);
  const reader = new AuditReader(folder.path);
  const found: number[] = [];
  let before: number | undefined = 4_001;
  while (before !== undefined && before > 1) {
    const page: Awaited<ReturnType<AuditReader["read"]>> = await reader.read({
      ...{ limit: 300, before },
      filters: { clientId: "rare" },
    });
    found.push(...page.lines.map(({ sequence }) => sequence));
    before = page.before;
  }
  assert.equal(found, [4_000, 3_000, 2_000, 1_000]);
});

test.run();
