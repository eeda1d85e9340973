import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { MAX_OUTCOME_BYTES } from "../../wire/limits.ts";
import { Batch } from "../batch.ts";
import { INTENT_RETENTION_MS, type IntentBegin, type IntentStore } from "../store.ts";
import { lockOwners } from "./advisory-locks.ts";
import type { Database } from "./database.ts";
import { instanceLives } from "./instance.ts";
import { sweepIntents } from "./jobs/sweep-jobs.ts";
import type { Queries } from "./queries.ts";
import { sql } from "./statement.ts";

const GROUP = 256;
const SLICE = 500;

const WANTED =
  "unnest(:clientIds::text[], :requestIds::text[]) WITH ORDINALITY AS wanted (client_id, request_id, place)";
const KNOWN_INTENTS = sql(`
  SELECT wanted.place, known.* FROM ${WANTED} CROSS JOIN LATERAL (
    SELECT intent_digest, outcome, outcome IS NULL AND ${instanceLives("intent")} AS running FROM intent
    WHERE intent.client_id = wanted.client_id AND intent.request_id = wanted.request_id LIMIT 1) AS known`);
const KNOWN_JOBS = sql(`
  SELECT wanted.place FROM ${WANTED} CROSS JOIN LATERAL (
    SELECT FROM job WHERE job.owner = wanted.client_id AND job.request_id = wanted.request_id LIMIT 1) AS known`);
const INSERT = sql(`
  INSERT INTO intent (client_id, request_id, intent_digest, instance_id, expires_at_ms)
  SELECT *, :instanceId, :expiresAt
  FROM unnest(:clientIds::text[], :requestIds::text[], :digests::bytea[])`);
const UNFINISHED = "client_id = :clientId AND request_id = :requestId AND outcome IS NULL";
/** Includes intents that were given up, whose late outcome is still recorded. */
const MINE = `${UNFINISHED} AND instance_id IN (:instanceId, :givenUpBy)`;
const FINISH = sql(`UPDATE intent SET outcome = :outcome, expires_at_ms = :expiresAt WHERE ${MINE} RETURNING 1`);
/** Assigns the intent to an instance that is never alive, so that it does not count as running. */
const GIVE_UP = sql(
  `UPDATE intent SET instance_id = :givenUpBy WHERE ${UNFINISHED} AND instance_id = :instanceId RETURNING 1`,
);
const ABANDON = sql(`DELETE FROM intent WHERE ${MINE} RETURNING 1`);

/** An intent to be begun. */
interface NewIntent {
  readonly clientId: string;
  readonly requestId: string;
  readonly digest: Uint8Array;
}

/** An intent that has ended or was given up. */
interface EndedIntent {
  readonly clientId: string;
  readonly requestId: string;
  readonly outcome: Uint8Array | "not run" | "given up";
}

interface KnownIntent {
  readonly place: number;
  readonly intent_digest: Uint8Array;
  readonly outcome: Uint8Array | null;
  readonly running: boolean;
}

/** Options of a {@link PostgresIntentStore}. */
export interface PostgresIntentStoreOptions {
  readonly database: Database;
  readonly instanceId: string;
  /** Lock space of the locks that protect request ids. */
  readonly requestLockSpace: number;
  readonly clock: Clock;
}

/** The {@link IntentStore} of a shared store. */
export class PostgresIntentStore implements IntentStore {
  readonly #options: PostgresIntentStoreOptions;
  readonly #begins: Batch<NewIntent, IntentBegin>;
  /** Running intents of this process. */
  readonly #running = new Set<string>();
  /** Intents that have ended in this process but are still recorded as running in the database. */
  readonly #loose = new Map<string, EndedIntent>();

  constructor(options: PostgresIntentStoreOptions) {
    this.#options = options;
    this.#begins = new Batch({
      most: GROUP,
      run: (group) => options.database.transaction((queries) => this.#beginGroup(queries, group)),
    });
  }

  async begin(clientId: string, requestId: string, intentDigest: Uint8Array): Promise<IntentBegin> {
    const key = keyOf(clientId, requestId);
    if (this.#loose.has(key)) await this.tieUp();
    try {
      const found = await this.#begins.add({ clientId, requestId, digest: intentDigest });
      if (found.kind === "begun") this.#running.add(key);
      return found;
    } catch (error) {
      // The failed transaction may have been committed. Then the intent is recorded as running although it is not.
      if (!this.#running.has(key)) this.#leaveLoose({ clientId, requestId, outcome: "not run" });
      throw error;
    }
  }

  async finish(clientId: string, requestId: string, outcome: Uint8Array): Promise<void> {
    if (outcome.length > MAX_OUTCOME_BYTES) {
      throw new SealwireError(
        "RESULT_TOO_LARGE",
        `An outcome of ${outcome.length} bytes cannot be recorded; the maximum is ${MAX_OUTCOME_BYTES}.`,
      );
    }
    await this.#conclude({ clientId, requestId, outcome });
  }

  abandon(clientId: string, requestId: string): Promise<void> {
    return this.#conclude({ clientId, requestId, outcome: "not run" });
  }

  async giveUp(clientId: string, requestId: string): Promise<void> {
    const ended = { clientId, requestId, outcome: "given up" } as const;
    try {
      await this.#record(ended);
    } catch (error) {
      this.#leaveLoose(ended);
      throw error;
    }
  }

  /**
   * Records the outcomes that could not be recorded when the intents ended. Until then these intents appear to be
   * running.
   */
  async tieUp(): Promise<void> {
    for (const [key, ended] of this.#loose) {
      await this.#record(ended);
      this.#loose.delete(key);
    }
  }

  async sweep(): Promise<number> {
    const { database, clock } = this.#options;
    let swept = 0;
    for (let slice = SLICE; slice === SLICE; swept += slice) slice = await sweepIntents(database, SLICE, clock.nowMs());
    return swept;
  }

  async #beginGroup(queries: Queries, group: readonly NewIntent[]): Promise<readonly IntentBegin[]> {
    const { instanceId, requestLockSpace } = this.#options;
    await lockOwners(
      queries,
      requestLockSpace,
      group.map(({ clientId }) => clientId),
    );
    const wanted = namesOf(group);
    const intents = await queries.all<KnownIntent>(KNOWN_INTENTS, wanted);
    const jobs = await queries.all<{ place: number }>(KNOWN_JOBS, wanted);
    const standing = new Map(intents.map((intent) => [intent.place, intent]));
    const ofJobs = new Set(jobs.map(({ place }) => place));
    const begun = new Map<string, NewIntent>();
    const decided = group.map((intent, index): IntentBegin => {
      const known = standing.get(index + 1);
      if (known !== undefined) return standingOf(known, intent);
      if (ofJobs.has(index + 1)) return { kind: "reused" };
      const key = keyOf(intent.clientId, intent.requestId);
      const first = begun.get(key);
      if (first !== undefined) return sameIntent(first.digest, intent) ? { kind: "running" } : { kind: "reused" };
      begun.set(key, intent);
      return { kind: "begun" };
    });
    if (begun.size > 0) {
      const fresh = [...begun.values()];
      const digests = fresh.map(({ digest }) => Buffer.from(digest));
      await queries.all(INSERT, { ...namesOf(fresh), digests, instanceId, expiresAt: this.#expiresAtMs() });
    }
    return decided;
  }

  async #conclude(ended: EndedIntent): Promise<void> {
    this.#running.delete(keyOf(ended.clientId, ended.requestId));
    try {
      const changed = await this.#record(ended);
      if (changed !== 1) throw new Error(`no intent "${ended.requestId}" is running`);
    } catch (error) {
      this.#leaveLoose(ended);
      throw error;
    }
  }

  /** Returns the number of changed rows. */
  async #record({ clientId, requestId, outcome }: EndedIntent): Promise<number> {
    const { database, instanceId } = this.#options;
    const values = { clientId, requestId, instanceId, givenUpBy: `given up by ${instanceId}` };
    if (outcome === "given up") return (await database.all(GIVE_UP, values)).length;
    if (outcome === "not run") return (await database.all(ABANDON, values)).length;
    const recorded = { ...values, outcome: Buffer.from(outcome), expiresAt: this.#expiresAtMs() };
    return (await database.all(FINISH, recorded)).length;
  }

  /** An outcome replaces a missing one or a mark as given up. It is never replaced by "not run". */
  #leaveLoose(ended: EndedIntent): void {
    const key = keyOf(ended.clientId, ended.requestId);
    const known = this.#loose.get(key);
    if (known === undefined || known.outcome === "given up") this.#loose.set(key, ended);
  }

  #expiresAtMs(): number {
    return this.#options.clock.nowMs() + INTENT_RETENTION_MS;
  }
}

function namesOf(intents: readonly NewIntent[]) {
  return {
    clientIds: intents.map(({ clientId }) => clientId),
    requestIds: intents.map(({ requestId }) => requestId),
  };
}

function standingOf(known: KnownIntent, intent: NewIntent): IntentBegin {
  if (!sameIntent(known.intent_digest, intent)) return { kind: "reused" };
  if (known.outcome !== null) return { kind: "finished", outcome: known.outcome };
  return { kind: known.running ? "running" : "unknown" };
}

function sameIntent(digest: Uint8Array, intent: NewIntent): boolean {
  return Buffer.compare(digest, intent.digest) === 0;
}

/** Client ids and request ids contain no line breaks. */
function keyOf(clientId: string, requestId: string): string {
  return `${clientId}\n${requestId}`;
}
