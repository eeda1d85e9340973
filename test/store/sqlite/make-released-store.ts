import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/*
 * Makes the store that upgrade.test.ts upgrades, with the software that was released: check the release out into a folder,
 * then `node test/store/sqlite/make-released-store.ts RELEASE_FOLDER STORE_FILE SQL_FILE`. The SQL that it writes makes the
 * same database, byte for byte of every value. released-store-1.sql is of 0.1 (layout 1).
 */
const [release = "", file = "", to = ""] = process.argv.slice(2);
const load = (path: string) => import(pathToFileURL(resolve(release, path)).href);
const { openSqliteStore } = await load("src/jobs/sqlite/open.ts");

/** 1 January 2026, noon; the clock of the store stands still. */
const NOW_MS = Date.UTC(2026, 0, 1, 12);
const clock = { nowMs: () => NOW_MS, monotonicMs: () => 0, after: () => ({ [Symbol.dispose]() {} }) };
const policy = {
  priority: 0,
  executionTimeoutMs: 3_600_000,
  queueTimeoutMs: 86_400_000,
  heartbeatTimeoutMs: undefined,
  maxAttempts: 3,
  initialBackoffMs: 1_000,
  maxBackoffMs: 300_000,
  retentionMs: 86_400_000,
  cancelGraceMs: 10_000,
};
const digest = Buffer.alloc(32, 7);

const store = await openSqliteStore({ path: file, clock, bootId: "boot 0" });
const submit = (tool: string) =>
  store.jobs.submit({
    owner: "alice",
    requestId: `request ${tool}`,
    intentDigest: digest,
    tool,
    args: Buffer.from(`args of ${tool}`),
    policy,
    openJobsMax: 100,
  });
for (const tool of ["succeeds", "fails", "retries", "runs", "waits"]) await submit(tool);
const { job } = await submit("is-cancelled");
await store.jobs.cancel("alice", job.jobId);
let started = 0;
const handler = async ({ tool }: { readonly tool: string }) => {
  started += 1;
  if (tool === "succeeds") return Buffer.from("result");
  if (tool === "runs") return new Promise(() => {});
  throw new Error("on purpose");
};
const { SealwireError } = await load("src/errors.ts");
await store.jobs.work(
  new Map([
    ["succeeds", handler],
    ["retries", handler],
    ["runs", handler],
    [
      "fails",
      () => {
        started += 1;
        throw new SealwireError("TOOL_FAILED", "on purpose");
      },
    ],
  ]),
  { concurrency: 10 },
);
while (started < 4) await new Promise((resolve) => setTimeout(resolve, 20));
await store.intents.begin("alice", "finished intent", digest);
await store.intents.finish("alice", "finished intent", Buffer.from("outcome"));
await store.intents.begin("alice", "cut off intent", digest);
const nonce = (text: string) => Buffer.from(text.padEnd(16, "."));
for (const text of ["one", "two", "three"]) {
  await store.replay.claim({ clientId: "alice", nonce: nonce(text), tsMs: NOW_MS, expiresAtMs: NOW_MS + 300_000 });
}
for (const aheadMs of [3_600_000, 86_400_000 * 400, 2 ** 63 - NOW_MS]) {
  const tsMs = NOW_MS + aheadMs;
  await store.replay.claim({ clientId: "alice", nonce: nonce(`${aheadMs}`), tsMs, expiresAtMs: tsMs + 300_000 });
}
await new Promise((resolve) => setTimeout(resolve, 200));
writeFileSync(to, dump(file));
process.exit(0);

/** The statements that make a database as it is now, whoever else has it open. */
function dump(path: string): string {
  using db = new DatabaseSync(path, { readOnly: true });
  const lines: string[] = [];
  const tables = db
    .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all();
  for (const { sql } of tables) lines.push(`${sql};`);
  for (const { name } of tables) {
    for (const row of db.prepare(`SELECT * FROM "${name}"`).all()) {
      lines.push(`INSERT INTO "${name}" VALUES (${Object.values(row).map(literal).join(", ")});`);
    }
  }
  for (const { sql } of db
    .prepare("SELECT sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL")
    .all()) {
    lines.push(`${sql};`);
  }
  const version = db.prepare("PRAGMA user_version").get()?.user_version;
  return `${lines.join("\n")}\nPRAGMA user_version = ${version};\n`;
}

function literal(value: unknown): string {
  if (value === null) return "NULL";
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return String(value);
}
