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
CREATE TABLE intent (
    client_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    intent_digest BLOB NOT NULL,
    outcome BLOB,
    expires_at_ms INTEGER NOT NULL,
    UNIQUE (client_id, request_id)
  ) STRICT;
CREATE TABLE nonce_log (
    seq INTEGER PRIMARY KEY,
    expires_at_ms INTEGER NOT NULL,
    nonces BLOB NOT NULL
  ) STRICT;
CREATE TABLE store_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    page_key BLOB NOT NULL,
    boot_id TEXT,
    closed_cleanly INTEGER NOT NULL,
    replay_floor_ms INTEGER NOT NULL,
    replay_mark_ms INTEGER NOT NULL,
    replay_blind_until_ms INTEGER NOT NULL
  ) STRICT;
INSERT INTO "job" VALUES (1, '7e3a511e-87a1-48d7-ae36-041e2de88a4c', 'alice', 'request succeeds', x'0707070707070707070707070707070707070707070707070707070707070707', 'succeeds', NULL, 'SUCCEEDED', 3, 1, 0, 0, NULL, NULL, NULL, NULL, 0, 3, 3600000, NULL, 1000, 300000, 86400000, 10000, 1767268800000, 1767268800000, NULL, 1767268800000, 1767268800000, 1767355200000);
INSERT INTO "job" VALUES (2, '215d3c01-bb75-4955-b72a-fa32f9682af3', 'alice', 'request fails', x'0707070707070707070707070707070707070707070707070707070707070707', 'fails', NULL, 'FAILED', 3, 1, 1, 0, NULL, NULL, NULL, '{"reason":"TOOL_FAILED","status":"UNKNOWN","message":"on purpose","retryable":false}', 0, 3, 3600000, NULL, 1000, 300000, 86400000, 10000, 1767268800000, 1767268800000, NULL, 1767268800000, 1767268800000, 1767355200000);
INSERT INTO "job" VALUES (3, 'b50a6fe7-5f0f-4810-8a9f-d0ce89d5f081', 'alice', 'request retries', x'0707070707070707070707070707070707070707070707070707070707070707', 'retries', NULL, 'QUEUED', 3, 1, 1, 0, NULL, NULL, NULL, '{"reason":"INTERNAL","status":"INTERNAL","message":"The server failed unexpectedly; its log has the details.","retryable":false}', 0, 3, 3600000, NULL, 1000, 300000, 86400000, 10000, 1767268800000, 1767268801000, NULL, 1767268800000, NULL, NULL);
INSERT INTO "job" VALUES (4, '683d918b-e469-48c0-b758-d9f285cf2da8', 'alice', 'request runs', x'0707070707070707070707070707070707070707070707070707070707070707', 'runs', NULL, 'RUNNING', 2, 1, 0, 0, NULL, NULL, NULL, NULL, 0, 3, 3600000, NULL, 1000, 300000, 86400000, 10000, 1767268800000, 1767268800000, NULL, 1767268800000, NULL, NULL);
INSERT INTO "job" VALUES (5, 'ea681a0a-925d-41ba-bfb2-082c1076a302', 'alice', 'request waits', x'0707070707070707070707070707070707070707070707070707070707070707', 'waits', NULL, 'QUEUED', 1, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 3, 3600000, NULL, 1000, 300000, 86400000, 10000, 1767268800000, 1767268800000, 1767355200000, NULL, NULL, NULL);
INSERT INTO "job" VALUES (6, 'f9ea8dcd-141e-4353-b64f-9c575b0719b3', 'alice', 'request is-cancelled', x'0707070707070707070707070707070707070707070707070707070707070707', 'is-cancelled', NULL, 'CANCELLED', 2, 0, 0, 1, NULL, NULL, NULL, '{"reason":"CANCELLED","status":"CANCELLED","message":"The call or job was cancelled.","retryable":false}', 0, 3, 3600000, NULL, 1000, 300000, 86400000, 10000, 1767268800000, 1767268800000, 1767355200000, NULL, 1767268800000, 1767355200000);
INSERT INTO "job_args" VALUES (3, x'61726773206f662072657472696573');
INSERT INTO "job_args" VALUES (4, x'61726773206f662072756e73');
INSERT INTO "job_args" VALUES (5, x'61726773206f66207761697473');
INSERT INTO "job_result" VALUES (1, x'726573756c74');
INSERT INTO "job_count" VALUES ('alice', 'CANCELLED', 1);
INSERT INTO "job_count" VALUES ('alice', 'FAILED', 1);
INSERT INTO "job_count" VALUES ('alice', 'QUEUED', 2);
INSERT INTO "job_count" VALUES ('alice', 'RUNNING', 1);
INSERT INTO "job_count" VALUES ('alice', 'SUCCEEDED', 1);
INSERT INTO "intent" VALUES ('alice', 'finished intent', x'0707070707070707070707070707070707070707070707070707070707070707', x'6f7574636f6d65', 1767355200000);
INSERT INTO "intent" VALUES ('alice', 'cut off intent', x'0707070707070707070707070707070707070707070707070707070707070707', NULL, 1767355200000);
INSERT INTO "nonce_log" VALUES (1, 1767269100000, x'c663a73a82785ce200009e2697b77942');
INSERT INTO "nonce_log" VALUES (2, 1767269100000, x'4eefa85a5f1f2e2800009e2697b77942');
INSERT INTO "nonce_log" VALUES (3, 1767269100000, x'3e25965e5e66d80800009e2697b77942');
INSERT INTO "nonce_log" VALUES (4, 1767272700000, x'5446f4e3dd7fedd1000086959ab77942');
INSERT INTO "nonce_log" VALUES (5, 1801829100000, x'2ccf97992b2aa1c500009e2256387a42');
INSERT INTO "nonce_log" VALUES (6, 9007199254740991, x'6f157c145148518dffffffffffff3f43');
INSERT INTO "store_state" VALUES (1, x'e8620fe4967b2abc12ccd014fc6ef5a377ebe233a23998a926953bd75519f99d', 'boot 0', 0, 0, 1767268810000, 0);
CREATE INDEX job_of_lane ON job (priority, tool, owner, run_at_ms, seq) WHERE state = 'QUEUED';
CREATE INDEX job_by_due_time ON job (run_at_ms) WHERE state = 'QUEUED';
CREATE INDEX job_by_queue_deadline ON job (queue_deadline_ms) WHERE state = 'QUEUED' AND queue_deadline_ms IS NOT NULL;
CREATE INDEX job_running ON job (job_id) WHERE state = 'RUNNING';
CREATE INDEX job_by_expiry ON job (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
CREATE INDEX job_of_owner ON job (owner, state, seq);
CREATE INDEX job_of_owner_by_end ON job (owner, ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX job_of_owner_and_tool ON job (owner, tool, state, seq);
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
CREATE INDEX intent_by_expiry ON intent (expires_at_ms);
CREATE INDEX nonce_log_by_expiry ON nonce_log (expires_at_ms);
PRAGMA user_version = 1;
