/**
 * Number of nonce tables. Nonces are distributed by their expiry time; one more table holds those far in the future.
 */
export const NONCE_SLOTS = 8;
/** Time span of one nonce table, in milliseconds. */
export const NONCE_SLOT_MS = 120_000;

/**
 * `job` has the columns of {@link JobRow} and the instance that runs the job. Arguments and results are in separate
 * tables, so that state changes do not rewrite them. Partial indexes contain open jobs only, so that ended jobs do not
 * slow down claims. A fill factor leaves room for new row versions on the same page, so that most updates change no
 * index (HOT).
 */
const JOBS = [
  `CREATE TABLE job (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id text NOT NULL UNIQUE,
    owner text NOT NULL,
    request_id text NOT NULL,
    intent_digest bytea NOT NULL,
    tool text NOT NULL,
    traceparent text,
    state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    revision bigint NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    cancel_requested boolean NOT NULL,
    instance_id text,
    progress_completed bigint,
    progress_total bigint,
    progress_message text,
    error text,
    priority integer NOT NULL,
    max_attempts integer NOT NULL,
    execution_timeout_ms bigint NOT NULL,
    heartbeat_timeout_ms bigint,
    initial_backoff_ms bigint NOT NULL,
    max_backoff_ms bigint NOT NULL,
    retention_ms bigint NOT NULL,
    cancel_grace_ms bigint NOT NULL,
    created_at_ms bigint NOT NULL,
    run_at_ms bigint NOT NULL,
    queue_deadline_ms bigint,
    started_at_ms bigint,
    ended_at_ms bigint,
    expires_at_ms bigint,
    UNIQUE (owner, request_id)
  ) WITH (fillfactor = 70)`,
  "CREATE INDEX job_of_lane ON job (priority, tool, owner, run_at_ms, seq) WHERE state = 'QUEUED'",
  "CREATE INDEX job_by_queue_deadline ON job (queue_deadline_ms) WHERE state = 'QUEUED' AND queue_deadline_ms IS NOT NULL",
  "CREATE INDEX job_running ON job (owner) WHERE state = 'RUNNING'",
  "CREATE INDEX job_open ON job (owner) WHERE state IN ('QUEUED', 'RUNNING')",
  "CREATE INDEX job_by_expiry ON job (expires_at_ms) WHERE expires_at_ms IS NOT NULL",
  // Indexes -seq instead of seq, so that the planner does not use the primary key, which contains the jobs of all
  // owners.
  "CREATE INDEX job_of_owner ON job (owner, state, (-seq))",
  "CREATE INDEX job_of_owner_by_end ON job (owner, ended_at_ms, seq) WHERE ended_at_ms IS NOT NULL",
  "CREATE INDEX job_of_owner_and_tool ON job (owner, tool, state, (-seq))",
  `CREATE TABLE job_args (
    seq bigint PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    args bytea NOT NULL
  )`,
  `CREATE TABLE job_result (
    seq bigint PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    result bytea NOT NULL
  )`,
  // Not compressed: the data is written once and read once or twice.
  "ALTER TABLE job_args ALTER COLUMN args SET STORAGE EXTERNAL",
  "ALTER TABLE job_result ALTER COLUMN result SET STORAGE EXTERNAL",
];

/** The processes that have the store open. A process whose lease has expired by the database's clock counts as dead. */
const INSTANCES = [
  "CREATE TABLE instance (instance_id text PRIMARY KEY, expires_at timestamptz NOT NULL) WITH (fillfactor = 50)",
];

const INTENTS = [
  `CREATE TABLE intent (
    client_id text NOT NULL,
    request_id text NOT NULL,
    intent_digest bytea NOT NULL,
    outcome bytea,
    instance_id text NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (client_id, request_id)
  )`,
  "CREATE INDEX intent_by_expiry ON intent (expires_at_ms)",
];

/**
 * A nonce is in the table of its expiry time. A table is truncated as a whole, at a constant cost and without dead
 * rows. Claims hold the lock of the schema's nonces in shared mode, and truncation holds it exclusively, so that a
 * claim sees either the nonce or the raised replay floor.
 */
const NONCES = [
  `CREATE TABLE nonce (
    slot integer NOT NULL,
    client_id text NOT NULL,
    nonce bytea NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (client_id, nonce, slot)
  ) PARTITION BY LIST (slot)`,
  ...Array.from(
    { length: NONCE_SLOTS + 1 },
    (_, slot) => `CREATE TABLE nonce_${slot} PARTITION OF nonce FOR VALUES IN (${slot})`,
  ),
  `CREATE TABLE store_state (
    one boolean PRIMARY KEY CHECK (one),
    page_key bytea,
    replay_floor_ms bigint NOT NULL
  )`,
  "INSERT INTO store_state VALUES (true, NULL, 0)",
  `CREATE FUNCTION claim_nonces(lock integer, now_ms bigint, client_ids text[], nonces bytea[], expiries bigint[])
  RETURNS SETOF bigint LANGUAGE plpgsql AS $$
  DECLARE
    floor_ms bigint;
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(lock, 0);
    SELECT replay_floor_ms INTO floor_ms FROM store_state;
    RETURN QUERY
      WITH wanted AS (
        SELECT * FROM unnest(client_ids, nonces, expiries) WITH ORDINALITY AS wanted (client_id, nonce, expires_at_ms, place)
      ), claimed AS (
        INSERT INTO nonce
        SELECT
          CASE WHEN wanted.expires_at_ms < now_ms + ${(NONCE_SLOTS - 1) * NONCE_SLOT_MS}
            THEN (wanted.expires_at_ms / ${NONCE_SLOT_MS}) % ${NONCE_SLOTS} ELSE ${NONCE_SLOTS} END,
          wanted.client_id, wanted.nonce, wanted.expires_at_ms
        FROM wanted LEFT JOIN LATERAL (
          SELECT true AS held FROM nonce WHERE nonce.client_id = wanted.client_id AND nonce.nonce = wanted.nonce LIMIT 1
        ) AS known ON true
        WHERE wanted.expires_at_ms > floor_ms AND known.held IS NULL
        ORDER BY wanted.client_id, wanted.nonce
        ON CONFLICT DO NOTHING
        RETURNING client_id, nonce
      )
      SELECT min(wanted.place) FROM wanted JOIN claimed USING (client_id, nonce) GROUP BY client_id, nonce;
  END $$`,
];

/** The key ring document without secrets (docs/operations.md, Keys). */
const KEY_RING = [
  `CREATE TABLE key_ring (
    one boolean PRIMARY KEY CHECK (one),
    version bigint NOT NULL,
    document text NOT NULL
  )`,
  "CREATE TABLE key_use (key_id text PRIMARY KEY, used_at_ms bigint NOT NULL)",
];

/** Layout 1, as created by version 0.1. It must not be changed. */
export const LAYOUT_1: readonly string[] = [...JOBS, ...INSTANCES, ...INTENTS, ...NONCES, ...KEY_RING];
