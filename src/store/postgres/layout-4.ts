import { grantLikeIntents } from "./grant-like-intents.ts";

/**
 * The attempts that returned their job to the queue. The latest attempt is described by the row of the job, whose
 * `instance_id` is now kept when the job ends (docs/decisions.md). `reason` and `message` are those of the error.
 */
const ATTEMPTS = [
  `CREATE TABLE job_attempt (
    seq bigint NOT NULL REFERENCES job ON DELETE CASCADE,
    attempt integer NOT NULL,
    instance_id text,
    started_at_ms bigint NOT NULL,
    ended_at_ms bigint NOT NULL,
    outcome text NOT NULL,
    reason text,
    message text,
    PRIMARY KEY (seq, attempt)
  )`,
  grantLikeIntents("job_attempt"),
];

/** What operators see of a process. A table of its own: servers of earlier layouts insert into `instance` by position. */
const INSTANCES = [
  `CREATE TABLE instance_detail (
    instance_id text PRIMARY KEY REFERENCES instance ON DELETE CASCADE,
    role text NOT NULL,
    version text NOT NULL,
    address text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
  grantLikeIntents("instance_detail"),
];

/** The heads of chains of audit records. */
const AUDIT = [
  `CREATE TABLE audit_chain (
    chain_id text PRIMARY KEY,
    sequence bigint NOT NULL,
    head bytea NOT NULL,
    recorded_at_ms bigint NOT NULL
  )`,
  grantLikeIntents("audit_chain"),
];

/**
 * Layout 4 adds the attempts of jobs, the details of processes and the heads of audit chains. It only adds, so that
 * servers of earlier layouts keep running.
 */
export const LAYOUT_4: readonly string[] = [...ATTEMPTS, ...INSTANCES, ...AUDIT];
