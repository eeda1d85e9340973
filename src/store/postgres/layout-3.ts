import { grantLikeIntents } from "./grant-like-intents.ts";

/** Servers of earlier layouts name the columns of intents that they read and write. */
const INTENTS = ["ALTER TABLE intent ADD COLUMN repeatable boolean NOT NULL DEFAULT FALSE"];

/**
 * The counted hand-backs of jobs that have some. A table of its own: servers of earlier layouts have prepared statements
 * that return all columns of `job`, which fail once there is another column.
 */
const HAND_BACKS = [
  `CREATE TABLE job_hand_back (
    seq bigint PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    hand_backs integer NOT NULL
  )`,
  grantLikeIntents("job_hand_back"),
];

/**
 * Layout 3 adds whether an intent may be run again, and the hand-backs of jobs. It only adds, so that servers of earlier
 * layouts keep running.
 */
export const LAYOUT_3: readonly string[] = [...INTENTS, ...HAND_BACKS];
