import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";

/** The layout that this version reads and writes, kept in the file as SQLite's `user_version`. */
export const SCHEMA_VERSION = 1;

/**
 * `job` holds what an owner sees and what a claim needs; the bytes stand in tables of their own, so that a change
 * of state never rewrites them. `job_count` is kept by triggers: quota and figures must not count rows.
 * Partial indexes hold open jobs only, so that finished ones cost a claim nothing.
 */
const SCHEMA = `
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
 * Creates the tables in an empty database and checks the version of any other. `pageKey` is the key that page
 * tokens of a new store are encrypted with. Throws STORE_INCOMPATIBLE.
 */
export function prepareSchema(db: DatabaseSync, path: string, pageKey: Uint8Array): void {
  const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) throw otherVersion(path, version);
  if (db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined) {
    throw new SealwireError(
      "STORE_INCOMPATIBLE",
      `"${path}" is a database of something else; move it away or name another file.`,
    );
  }
  db.exec("BEGIN IMMEDIATE");
  try {
    db.exec(SCHEMA);
    db.prepare("INSERT INTO store_state VALUES (1, ?, NULL, 1, 0, 0, 0)").run(pageKey);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    db.exec("COMMIT");
  } catch (thrown) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw thrown;
  }
}

function otherVersion(path: string, version: number): SealwireError {
  const remedy =
    version > SCHEMA_VERSION
      ? "use the newer sealwire that wrote it, or another data folder"
      : "move it away, or use the older sealwire that wrote it";
  return new SealwireError(
    "STORE_INCOMPATIBLE",
    `The store "${path}" has layout ${version}, this sealwire reads layout ${SCHEMA_VERSION}: ${remedy}.`,
  );
}
