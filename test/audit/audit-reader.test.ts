import { appendFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import type { AuditFilters, AuditPage } from "../../src/audit/audit-feed.ts";
import { AuditReader, PAGE_BYTES } from "../../src/audit/audit-reader.ts";
import type { AuditEvent } from "../../src/audit/event.ts";
import { CHAIN_START } from "../../src/audit/line.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { AuditFolder, appendLines, call, writeCalls } from "./audit-file.ts";

const test = suite("audit/audit-reader");

const MIB = 1024 * 1024;

/** A line of about 1 KiB. */
function wideCall(requestId: string, client = "ann"): AuditEvent {
  return { ...call(requestId), client, details: { text: "x".repeat(600) } };
}

/** All pages of a log, and how far each went back in the file, in bytes. */
async function pagesOf(path: string, limit: number, filters: AuditFilters = {}) {
  const reader = new AuditReader(path);
  const pages: AuditPage[] = [];
  const read: number[] = [];
  let place = statSync(path).size;
  for (let pageToken: string | undefined, more = true; more; more = pageToken !== undefined) {
    const page = await reader.read({ limit, filters, ...(pageToken !== undefined && { pageToken }) });
    pageToken = page.nextPageToken;
    const next = Number(pageToken?.split(".")[1] ?? 0);
    read.push(place - next);
    place = next;
    pages.push(page);
  }
  return { pages, read, lines: pages.flatMap(({ lines }) => lines) };
}

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
  const { nextPageToken: pageToken = "" } = first;
  const next = await reader.read({ limit: 500, pageToken, filters: { action: "call.end" } });
  assert.equal([next.lines.length, next.lines[0]?.requestId, next.nextPageToken], [198, "call-198", undefined]);
  assert.equal((await reader.read({ limit: 5, filters: { clientId: "bob" } })).lines, []);
  const lasting = await rejection("TOOL_FAILED", new AuditReader(undefined).read({ limit: 1, filters: {} }));
  assert.equal([lasting.retryable, lasting.status], [false, "FAILED_PRECONDITION"]);
});

test("lines of an older chain in the same file, and damaged ones, confuse no page", async () => {
  using folder = new AuditFolder();
  appendLines(folder.path, 300, (sequence) => call(`older-${sequence}`));
  for (let part = 0; part < 4; part += 1) {
    appendLines(folder.path, 500, (sequence) => call(`newer-${part}-${sequence}`));
    appendFileSync(folder.path, `${"damaged ".repeat(20_000)}\n\n`);
  }
  const { lines } = await pagesOf(folder.path, 70);
  const ids = lines.map(({ requestId }) => requestId);
  assert.equal([ids.length, new Set(ids).size, ids[0], ids.at(-1)], [2_300, 2_300, "newer-3-500", "older-1"]);
});

test("a page of long lines ends before an answer could not hold it", async () => {
  using folder = new AuditFolder();
  const text = "x".repeat(100_000);
  appendLines(folder.path, 60, (sequence) => ({ ...call(`call-${sequence}`), details: { text } }));
  const { lines, pages } = await pagesOf(folder.path, 500);
  assert.equal(
    lines.map(({ sequence }) => sequence),
    Array.from({ length: 60 }, (_, index) => 60 - index),
  );
  for (const page of pages) assert.ok(page.lines.length * text.length < 3 * MIB);
});

test("pages of any size have each line once, also those that a filter selects", async () => {
  using folder = new AuditFolder();
  appendLines(folder.path, 300, (sequence) => call(`call-${sequence}`));
  // Neither lines of others nor one that is not complete disturb.
  appendFileSync(folder.path, `${"y".repeat(100_000)}\n\n{"version":1,"time":"2026`);
  const sequences = Array.from({ length: 300 }, (_, index) => 300 - index);
  for (const limit of [1, 7, 299, 300, 301]) {
    const { lines, pages } = await pagesOf(folder.path, limit);
    assert.equal(
      lines.map(({ sequence }) => sequence),
      sequences,
      `${limit}`,
    );
    assert.is(pages.length, Math.ceil(300 / limit), `${limit}`);
  }
  const one = await pagesOf(folder.path, 1, { clientId: "ann", outcome: "succeeded" });
  assert.is(one.lines.length, 300);
});

test("one page reads 8 MiB of the file at most, whatever the filters skip, and the next one continues there", async () => {
  using folder = new AuditFolder();
  const count = 20_000;
  appendLines(folder.path, count, (sequence) => wideCall(`call-${sequence}`, sequence === 1 ? "old" : "ann"));
  const { size } = statSync(folder.path);
  assert.ok(size > 2 * PAGE_BYTES);
  for (const filters of [{ clientId: "old" }, { sinceMs: Date.UTC(2030, 0, 1) }, { reason: "none" }]) {
    const { pages, read, lines } = await pagesOf(folder.path, 50, filters);
    assert.ok(
      read.every((bytes) => bytes <= PAGE_BYTES),
      read.join(),
    );
    assert.is(
      read.reduce((sum, bytes) => sum + bytes, 0),
      size,
    );
    assert.is(pages.length, Math.ceil(size / (PAGE_BYTES - MIB / 512)));
    assert.equal(
      lines.map(({ sequence }) => sequence),
      "clientId" in filters ? [1] : [],
    );
    assert.equal(pages[0]?.lines, []);
  }
});

test("a page token is good for the line that it was made at, and for nothing else", async () => {
  using folder = new AuditFolder();
  appendLines(folder.path, 100, (sequence) => call(`call-${sequence}`));
  const reader = new AuditReader(folder.path);
  const { nextPageToken = "" } = await reader.read({ limit: 10, filters: {} });
  const [sequence, offset] = nextPageToken.split(".").map(Number) as [number, number];
  assert.is(sequence, 91);
  const others = [
    ...[
      "none",
      "91",
      ".",
      "91.",
      ".5",
      "-1.5",
      "1e3.5",
      "91.0",
      "0.0",
      "9".repeat(30),
      `${"9".repeat(15)}.${"9".repeat(15)}`,
    ],
    ...[`90.${offset}`, `92.${offset}`, `91.${offset + 1}`, `91.${offset - 1}`, `91.${offset + 20}`, `1.0`],
    `91.${statSync(folder.path).size}`,
    ` ${nextPageToken}`,
  ];
  for (const pageToken of others) {
    const { violations } = await rejection("ARGS_INVALID", reader.read({ limit: 10, pageToken, filters: {} }));
    assert.is(violations[0]?.field, "page_token", pageToken);
  }
  assert.is((await reader.read({ limit: 10, pageToken: nextPageToken, filters: {} })).lines[0]?.sequence, 90);

  renameSync(folder.path, folder.file("rotated"));
  for (const rotated of ["", "short\n"]) {
    writeFileSync(folder.path, rotated);
    const error = await rejection("ARGS_INVALID", reader.read({ limit: 10, pageToken: nextPageToken, filters: {} }));
    assert.match(error.message, /rotated/);
  }
});

test("lines that somebody else has written are shown as far as they can be read", async () => {
  using folder = new AuditFolder();
  const odd = { time: 5, instance: {}, action: [], outcome: 1, target: { type: 1 }, actor: 7, count: "x", source: {} };
  const place = { version: 1, chain: "0".repeat(32), sequence: 9, prev: CHAIN_START, secret: "s" };
  const text = JSON.stringify({ ...place, ...odd, mac: "0".repeat(64) });
  writeFileSync(
    folder.path,
    `${text}\n${JSON.stringify({ ...place, actor: null, target: null, mac: "0".repeat(64) })}\n`,
  );
  const reader = new AuditReader(folder.path);
  const { lines } = await reader.read({ limit: 5, filters: {} });
  const shown = { sequence: 9, timeMs: 0, instance: "", action: "", outcome: "" };
  assert.equal(
    lines.map(({ text: _, ...line }) => line),
    [shown, shown],
  );
  const { nextPageToken: pageToken = "" } = await reader.read({ limit: 1, filters: {} });
  assert.is((await reader.read({ limit: 1, pageToken, filters: {} })).lines[0]?.text, text);
});

test("a file that is no audit log is not searched for ever", async () => {
  using folder = new AuditFolder();
  const read = (limit = 10) => new AuditReader(folder.path).read({ limit, filters: {} });
  assert.equal((await rejection("UNAVAILABLE", read())).message.includes("ENOENT"), true);
  writeFileSync(folder.path, "no line of it\n".repeat((2 * PAGE_BYTES) / 14));
  assert.match((await rejection("UNAVAILABLE", read())).message, /8388608 bytes have no line of an audit log/);
  writeFileSync(folder.path, `${"x".repeat(3 * MIB)}\n`);
  assert.equal(await read(), { lines: [] });
  truncateSync(folder.path, 0);
  assert.equal(await read(), { lines: [] });
  // A shorter stretch of something else is passed over.
  appendLines(folder.path, 3, (sequence) => call(`call-${sequence}`));
  appendFileSync(folder.path, "no line of it\n".repeat(MIB / 14));
  assert.is((await read()).lines.length, 3);
  // So is a line that is longer than any that a server writes.
  appendFileSync(folder.path, `${"x".repeat(3 * MIB)}\n`);
  appendLines(folder.path, 3, (sequence) => call(`later-${sequence}`));
  const { lines } = await pagesOf(folder.path, 2);
  assert.equal(
    lines.map(({ requestId }) => requestId),
    ["later-3", "later-2", "later-1", "call-3", "call-2", "call-1"],
  );
});

test("operators read what one key did and how it was changed, and all lines of one job", async () => {
  using folder = new AuditFolder();
  {
    await using log = await folder.open();
    for (const keyId of ["k_1", "k_2"]) log.note({ ...call("one"), keyId });
    log.note({ action: "key.revoke", outcome: "succeeded", target: { type: "key", id: "k_1" } });
    log.note({ ...call("two"), keyId: "k_2", jobId: "job-1" });
    const cancel = { action: "operator.end", outcome: "succeeded", client: "ann" } as const;
    log.note({ ...cancel, target: { type: "job", id: "job-1" } });
  }
  const reader = new AuditReader(folder.path);
  const found = async (filters: AuditFilters) =>
    (await reader.read({ limit: 10, filters })).lines.map(({ action }) => action);
  assert.equal(await found({ keyId: "k_1" }), ["key.revoke", "call.end"]);
  assert.equal(await found({ keyId: "k_2" }), ["call.end", "call.end"]);
  assert.equal(await found({ jobId: "job-1" }), ["operator.end", "call.end"]);
  assert.equal(await found({ keyId: "job-1" }), []);
});

test.run();
