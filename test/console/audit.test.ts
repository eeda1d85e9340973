import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuditReader } from "../../src/audit/audit-reader.ts";
import type { AuditAnswer } from "../../src/console/answers.ts";
import { appendLines, call } from "../audit/audit-file.ts";
import { assert, suite } from "../support/suite.ts";
import { bearer, type HttpAnswer, send, signIn } from "./http-client.ts";
import { startOperatedConsole } from "./operated-console.ts";

/* The page Audit of the console on a log that is a file. */
const test = suite("console/audit");

type Get = (path: string) => Promise<HttpAnswer>;

/** Runs `body` with a console whose server has a log of `count` lines. The first line is of the client `old`. */
async function withLog(count: number, textLength: number, body: (get: Get) => Promise<void>): Promise<void> {
  const path = join(tmpdir(), `sealwire-console-audit-${process.pid}.log`);
  try {
    appendLines(path, count, (sequence) => ({
      ...call(`call-${sequence}`),
      client: sequence === 1 ? "old" : "ann",
      details: { text: "x".repeat(textLength) },
    }));
    await using console = await startOperatedConsole({ audit: new AuditReader(path) });
    const [, token = ""] = console.url.split("#token=");
    const session = await signIn(console.origin, token);
    const headers = bearer(session.json<{ readonly token: string }>().token);
    await body((each) => send(`${console.origin}${each}`, { headers }));
  } finally {
    rmSync(path, { force: true });
  }
}

test("a search goes on by itself for a part of the log, then tells where to go on; an export goes further", () =>
  withLog(40_000, 700, async (get) => {
    const found: number[] = [];
    let pages = 0;
    for (let page: string | undefined = ""; page !== undefined; pages += 1) {
      const answer: AuditAnswer = (await get(`/api/audit?client=old&page=${page}`)).json();
      found.push(...answer.events.map(({ sequence }) => sequence));
      page = answer.nextPageToken;
    }
    // 42 MiB, and 16 for each page.
    assert.equal([found, pages], [[1], 3]);

    const exported = await get("/api/audit/export?client=old");
    assert.is(JSON.parse(exported.text).request_id, "call-1");
    assert.is(exported.headers["sealwire-export-cut"], "false");

    const strange = await get("/api/audit?page=1.2");
    assert.equal([strange.status, /begin at the first page/.test(strange.text)], [400, true]);
  }));

test("an export has the newest 10,000 lines, the oldest of them first, and tells that there are more", () =>
  withLog(10_001, 10, async (get) => {
    const { text, headers } = await get("/api/audit/export");
    const lines = text.trimEnd().split("\n");
    const sequences = [lines[0], lines.at(-1)].map((line = "") => JSON.parse(line).sequence);
    assert.equal([lines.length, sequences], [10_000, [2, 10_001]]);
    assert.is(headers["sealwire-export-cut"], "true");
  }));

test.run();
