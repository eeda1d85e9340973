import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { jobErrorOf } from "../../src/jobs/job-error.ts";
import { StoredJobEngine } from "../../src/jobs/stored-job-engine.ts";
import { Attempt } from "../../src/jobs/worker/attempt.ts";
import type { AttemptOutcome } from "../../src/jobs/worker/attempt-store.ts";
import { CommitGroup } from "../../src/store/sqlite/commit-group.ts";
import { SqliteIntentStore } from "../../src/store/sqlite/intents.ts";
import { StoreFiles } from "../../src/store/sqlite/store-files.ts";
import { CallContext } from "../../src/tools/invocation.ts";
import { UpstreamChannel } from "../../src/upstream/channel.ts";

/** Replaces an SQL statement of the store. */
type Rewrite = (sql: string) => string;

const FENCED = /UPDATE job SET state = 'SUCCEEDED'/;
const KEEPS_RESULT_OF_CANCELLED = `
  CREATE TRIGGER planted AFTER UPDATE OF state ON job WHEN new.state = 'CANCELLED' BEGIN
    INSERT INTO job_result VALUES (new.seq, x'00');
  END;`;

const NO_NONCES =
  "INSERT INTO nonce_log (seq, expires_at_ms, nonces, from_ms, to_ms) VALUES (?, ?, substr(?, 1, 0), ?, ?)";

/** Stores that break one promise each. They show that the checker detects it. */
export const PLANTED_FAULTS = {
  /** A worker whose lease has expired still records its result. */
  "a fence removed": () =>
    rewriteSql((sql) =>
      FENCED.test(sql)
        ? sql
            .replace(/ AND state = 'RUNNING' AND attempt = (?:\?|\$\d+)/, (fence) => orTrue(fence))
            .replace(/SELECT seq, (\$\d+) FROM ended/, "$& ON CONFLICT (seq) DO UPDATE SET result = excluded.result")
        : sql,
    ),
  "an acknowledgement before the commit": answerFirst,
  /** The nonce is kept until the next restart. */
  "a nonce forgotten": () =>
    rewriteSql((sql) =>
      sql.replace(
        "INSERT INTO nonce_log (seq, expires_at_ms, nonces, from_ms, to_ms) VALUES (?, ?, ?, ?, ?)",
        NO_NONCES,
      ),
    ),
  "a revision that falls": () =>
    rewriteSql((sql) =>
      /SET state = 'RUNNING'.*progress_completed = (?:\?|:completed)/.test(sql)
        ? sql.replace("revision + 1", "revision - 1")
        : sql,
    ),
  "a request id forgotten": () =>
    rewriteSql((sql) =>
      sql
        .replace("UNIQUE (owner, request_id)", "CHECK (true)")
        .replace("intent_digest FROM job WHERE owner = ? AND request_id = ?", "$& AND false"),
    ),
  "an end that is taken back": () =>
    rewriteSql((sql) =>
      sql.replace(
        "state = 'RUNNING' AND NOT cancel_requested",
        "state IN ('RUNNING', 'SUCCEEDED') AND NOT cancel_requested",
      ),
    ),
  "a result of a cancelled job": () =>
    rewriteSql((sql) => (sql.includes("CREATE TRIGGER job_counted") ? sql + KEEPS_RESULT_OF_CANCELLED : sql)),
  /** Only the latest attempt that returned its job to the queue is recorded, as the first one. */
  "an attempt that is not recorded": () =>
    rewriteSql((sql) => sql.replace(/INSERT INTO (job_attempt[^?]*\(\?, )\?/, "INSERT OR REPLACE INTO $1min(?, 1)")),
  // The record of attempts refuses a second one of the same number; here it takes it.
  "an attempt that begins twice": () =>
    rewriteSql((sql) =>
      sql
        .replace("attempt = attempt + 1", "attempt = 1")
        .replace("INSERT INTO job_attempt", "INSERT OR REPLACE INTO job_attempt"),
    ),
  "an intent carried out twice": () =>
    rewriteSql((sql) =>
      sql
        .replace("INSERT INTO intent (", "INSERT OR REPLACE INTO intent (")
        .replace("FROM intent WHERE client_id = ? AND request_id = ?", "$& AND false"),
    ),
  "an outcome forgotten": () => {
    SqliteIntentStore.prototype.finish = async function (clientId, requestId, outcome) {
      await this.giveUp(clientId, requestId);
      return outcome;
    };
  },
  "a lost call that is sent again": sendAgain,
  /** The idempotency key of a sync call is new in each run. */
  "a key that changes": () => {
    Object.defineProperty(CallContext.prototype, "idempotencyKey", { get: () => randomUUID() });
  },
  "a hand-back that counts": () =>
    changeOutcomes((outcome) =>
      outcome.kind === "handedBack" ? { kind: "failed", error: jobErrorOf("UNAVAILABLE"), retry: true } : outcome,
    ),
  "a watcher told another end": lieToWatchers,
  "an error that ends its process": () => onStray(() => process.exit(1)),
  "an error charged to others": chargeOthers,
  /** A floor as if it had been raised while the clock was hours ahead. */
  "a floor far ahead": () =>
    rewriteSql((sql) => sql.replace("replay_blind_until_ms AS replayBlindUntilMs", "9e14 AS replayBlindUntilMs")),
  "a failover that is not noticed": () =>
    rewriteSql((sql) => (/SET replay_floor_ms = greatest\(replay_floor_ms, store_now_ms/.test(sql) ? "SELECT 1" : sql)),
  "a lost store that is not noticed": () => {
    StoreFiles.prototype.look = () => "in place";
  },
} as const satisfies Readonly<Record<string, () => void>>;

/** Names a fault of {@link PLANTED_FAULTS}. */
export type PlantedFault = keyof typeof PLANTED_FAULTS;

/** PostgreSQL requires that every parameter is used. */
function orTrue(fence: string): string {
  const [parameter] = /(?:\?|\$\d+)$/.exec(fence) ?? [];
  return ` AND (true OR attempt = ${parameter})`;
}

/** Makes the store run rewritten statements. */
export function rewriteSql(rewrite: Rewrite): void {
  const { prepare, exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (sql, ...more) {
    return prepare.call(this, rewrite(sql), ...more);
  };
  DatabaseSync.prototype.exec = function (sql) {
    exec.call(this, rewrite(sql));
  };
  const query = pg.Client.prototype.query as unknown as (this: pg.Client, ...asked: unknown[]) => unknown;
  pg.Client.prototype.query = function (this: pg.Client, asked: string | { text: string }, ...more: unknown[]) {
    const other = typeof asked === "string" ? rewrite(asked) : { ...asked, text: rewrite(asked.text) };
    return query.call(this, other, ...more);
  } as never;
}

/** Delay between the acknowledgement of a start and its write. */
const LATE_MS = 1_000;

function answerFirst(): void {
  const { run } = CommitGroup.prototype;
  CommitGroup.prototype.run = async function <T>(
    this: CommitGroup,
    operation: () => T,
    committed?: (value: T) => void,
  ) {
    const decided: T[] = [];
    const decideOnly = () => {
      const value = operation();
      if (!isNewJob(value)) return value;
      decided.push(value);
      throw new Error("undone");
    };
    try {
      return await run.call(this, decideOnly, committed as (value: unknown) => void);
    } catch (error) {
      if (decided.length === 0) throw error;
      setTimeout(() => void run.call(this, operation, committed as (value: unknown) => void), LATE_MS);
      return decided[0];
    }
  } as never;
}

function isNewJob(value: unknown): boolean {
  return typeof value === "object" && value !== null && "created" in value && value.created === true;
}

function onStray(act: () => void): void {
  process.prependListener("unhandledRejection", act);
  process.prependListener("uncaughtException", act);
}

function chargeOthers(): void {
  const { run } = Attempt.prototype;
  Attempt.prototype.run = function (this: Attempt) {
    const stray = Promise.withResolvers<AttemptOutcome>();
    onStray(() => stray.resolve({ kind: "failed", error: jobErrorOf("WORKER_LOST"), retry: true }));
    return Promise.race([run.call(this), stray.promise]);
  };
}

function changeOutcomes(change: (outcome: AttemptOutcome) => AttemptOutcome): void {
  const { run } = Attempt.prototype;
  Attempt.prototype.run = async function (this: Attempt) {
    return change(await run.call(this));
  };
}

function sendAgain(): void {
  const { unary } = UpstreamChannel.prototype;
  UpstreamChannel.prototype.unary = async function (request) {
    const first = await unary.call(this, request);
    return !Buffer.isBuffer(first) && first.by === "loss" ? unary.call(this, request) : first;
  };
}

function lieToWatchers(): void {
  const { watch } = StoredJobEngine.prototype;
  StoredJobEngine.prototype.watch = async function* (...asked) {
    for await (const view of watch.apply(this, asked)) {
      yield view.state === "SUCCEEDED" ? { ...view, attempt: view.attempt + 1 } : view;
    }
  };
}
