import type { DatabaseSync } from "node:sqlite";
import { gatherOutdatedNonces } from "./replay/outdated-nonces.ts";

/** Values for new columns. */
export interface MigrationContext {
  /** The encryption key of a new store's page tokens. */
  readonly pageKey: Uint8Array;
  /** The id of a store that has none yet. */
  readonly storeId: string;
  readonly nowMs: number;
}

/** The migration from one layout to the next. */
export interface LayoutMigration {
  /** The oldest layout whose software can use the store afterwards. */
  readonly minReader: number;
  apply(db: DatabaseSync, context: MigrationContext): void;
}

/**
 * `job` contains the data that owners see and claims need. Arguments and results are in separate tables, so that state
 * changes do not rewrite them. Triggers maintain `job_count`, so that quota and statistics need not count rows. Partial
 * indexes contain open jobs only, so that ended jobs do not slow down claims.
 */
const LAYOUT_1 = `
  CREATE TABLE job (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    request_id TEXT NOT NULL,
    intent_digest BLOB NOT NULL,
    tool TEXT NOT NULL,
    traceparent TEXT,
    state TEXT NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    revision INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    progress_completed INTEGER,
    progress_total INTEGER,
    progress_message TEXT,
    error TEXT,
    priority INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    execution_timeout_ms INTEGER NOT NULL,
    heartbeat_timeout_ms INTEGER,
    initial_backoff_ms INTEGER NOT NULL,
    max_backoff_ms INTEGER NOT NULL,
    retention_ms INTEGER NOT NULL,
    cancel_grace_ms INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    run_at_ms INTEGER NOT NULL,
    queue_deadline_ms INTEGER,
    started_at_ms INTEGER,
    ended_at_ms INTEGER,
    expires_at_ms INTEGER,
    UNIQUE (owner, request_id)
  ) STRICT;
  CREATE INDEX job_of_lane ON job (priority, tool, owner, run_at_ms, seq) WHERE state = 'QUEUED';
  CREATE INDEX job_by_due_time ON job (run_at_ms) WHERE state = 'QUEUED';
  CREATE INDEX job_by_queue_deadline ON job (queue_deadline_ms) WHERE state = 'QUEUED' AND queue_deadline_ms IS NOT NULL;
  CREATE INDEX job_running ON job (job_id) WHERE state = 'RUNNING';
  CREATE INDEX job_by_expiry ON job (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
  CREATE INDEX job_of_owner ON job (owner, state, seq);
  CREATE INDEX job_of_owner_by_end ON job (owner, ended_at_ms) WHERE ended_at_ms IS NOT NULL;
  CREATE INDEX job_of_owner_and_tool ON job (owner, tool, state, seq);

  CREATE TABLE job_args (
    seq INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    args BLOB NOT NULL
  ) STRICT;
  CREATE TABLE job_result (
    seq INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    result BLOB NOT NULL
  ) STRICT;

  CREATE TABLE job_count (
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (owner, state)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER job_counted AFTER INSERT ON job BEGIN
    INSERT INTO job_count VALUES (new.owner, new.state, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
  END;
  CREATE TRIGGER job_recounted AFTER UPDATE OF state ON job WHEN old.state <> new.state BEGIN
    UPDATE job_count SET jobs = jobs - 1 WHERE owner = old.owner AND state = old.state;
    DELETE FROM job_count WHERE owner = old.owner AND state = old.state AND jobs = 0;
    INSERT INTO job_count VALUES (new.owner, new.state, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
  END;
  CREATE TRIGGER job_discounted AFTER DELETE ON job BEGIN
    UPDATE job_count SET jobs = jobs - 1 WHERE owner = old.owner AND state = old.state;
    DELETE FROM job_count WHERE owner = old.owner AND state = old.state AND jobs = 0;
  END;

  CREATE TABLE intent (
    client_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    intent_digest BLOB NOT NULL,
    outcome BLOB,
    expires_at_ms INTEGER NOT NULL,
    UNIQUE (client_id, request_id)
  ) STRICT;
  CREATE INDEX intent_by_expiry ON intent (expires_at_ms);

  CREATE TABLE nonce_log (
    seq INTEGER PRIMARY KEY,
    expires_at_ms INTEGER NOT NULL,
    nonces BLOB NOT NULL
  ) STRICT;
  CREATE INDEX nonce_log_by_expiry ON nonce_log (expires_at_ms);

  CREATE TABLE store_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    page_key BLOB NOT NULL,
    boot_id TEXT,
    closed_cleanly INTEGER NOT NULL,
    replay_floor_ms INTEGER NOT NULL,
    replay_mark_ms INTEGER NOT NULL,
    replay_blind_until_ms INTEGER NOT NULL
  ) STRICT;
`;

/**
 * Adds the window, which limits what a copy may have missed; forgotten timestamps as ranges instead of one floor; and
 * frames refused for being ahead. Rows of the nonce log contain timestamps if `to_ms` is set; rows written by layout 1
 * contain expiry times.
 */
const LAYOUT_2 = `
  ALTER TABLE store_state ADD COLUMN min_reader INTEGER NOT NULL DEFAULT 2;
  ALTER TABLE store_state ADD COLUMN store_id TEXT NOT NULL DEFAULT '';
  ALTER TABLE store_state ADD COLUMN openings INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE store_state ADD COLUMN max_age_ms INTEGER NOT NULL DEFAULT 300000;
  ALTER TABLE store_state ADD COLUMN max_ahead_ms INTEGER NOT NULL DEFAULT 60000;

  ALTER TABLE nonce_log ADD COLUMN from_ms INTEGER;
  ALTER TABLE nonce_log ADD COLUMN to_ms INTEGER;

  CREATE TABLE forgotten_stamps (
    from_ms INTEGER PRIMARY KEY,
    to_ms INTEGER NOT NULL
  ) STRICT;
  INSERT INTO forgotten_stamps SELECT 0, replay_floor_ms FROM store_state WHERE replay_floor_ms > 0;

  CREATE TABLE refused_nonce (
    client_id TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    ts_ms INTEGER NOT NULL,
    PRIMARY KEY (client_id, fingerprint)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE refused_range (
    client_id TEXT NOT NULL,
    band INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    PRIMARY KEY (client_id, band)
  ) STRICT, WITHOUT ROWID;
`;

/**
 * Reduces the number of B-trees that each job and each call change. The software counts jobs itself, once per
 * transaction, and tracks which rows of the nonce log expire first. Running jobs are found by the owners that have
 * some.
 */
const LAYOUT_3 = `
  DROP TRIGGER job_counted;
  DROP TRIGGER job_recounted;
  DROP TRIGGER job_discounted;
  DROP TABLE job_count;
  CREATE TABLE job_count (
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (state, owner)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO job_count SELECT state, owner, count(*) FROM job GROUP BY owner, state;

  DROP INDEX job_running;
  DROP INDEX nonce_log_by_expiry;
`;

/**
 * Adds whether an intent may be run again, and the counted hand-backs of a job. Software of layout 3 inserts intents
 * without naming the columns, so it cannot use the store afterwards.
 */
const LAYOUT_4 = `
  ALTER TABLE intent ADD COLUMN repeatable INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE job ADD COLUMN hand_backs INTEGER NOT NULL DEFAULT 0;
`;

/**
 * Adds the attempts that returned their job to the queue, the process of each job's latest attempt, which the row of the
 * job describes (docs/decisions.md), and the heads of audit chains. Software of layout 4 names the columns of jobs, so it
 * can use the store afterwards; it records no attempts.
 */
const LAYOUT_5 = `
  ALTER TABLE job ADD COLUMN instance_id TEXT;

  CREATE TABLE job_attempt (
    seq INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    instance_id TEXT,
    started_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    message TEXT,
    PRIMARY KEY (seq, attempt)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE audit_chain (
    chain_id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    head BLOB NOT NULL,
    recorded_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** The migrations in order. Released migrations must not be changed. */
export const MIGRATIONS: readonly LayoutMigration[] = [
  {
    minReader: 1,
    apply(db, { pageKey }) {
      db.exec(LAYOUT_1);
      db.prepare("INSERT INTO store_state VALUES (1, ?, NULL, 1, 0, 0, 0)").run(pageKey);
    },
  },
  {
    minReader: 2,
    apply(db, { storeId, nowMs }) {
      db.exec(LAYOUT_2);
      db.prepare("UPDATE store_state SET store_id = ?").run(storeId);
      gatherOutdatedNonces(db, nowMs);
    },
  },
  {
    minReader: 3,
    apply: (db) => db.exec(LAYOUT_3),
  },
  {
    minReader: 4,
    apply: (db) => db.exec(LAYOUT_4),
  },
  {
    minReader: 4,
    apply: (db) => db.exec(LAYOUT_5),
  },
];
