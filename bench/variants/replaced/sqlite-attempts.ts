import type * as Original from "../../../src/store/sqlite/jobs/attempts.ts";

/* Replaces src/store/sqlite/jobs/attempts.ts: nothing is recorded. */

export const prepareKeepAttempt: typeof Original.prepareKeepAttempt = () => () => {};
export const prepareReadAttempts: typeof Original.prepareReadAttempts = () => () => [];
