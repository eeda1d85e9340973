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
    SELECT intent_digest, outcome, repeatable, outcome IS NULL AND ${instanceLives("intent")} AS running FROM intent
    WHERE intent.client_id = wanted.client_id AND intent.request_id = wanted.request_id LIMIT 1) AS known`);
const KNOWN_JOBS = sql(`
  SELECT wanted.place FROM ${WANTED} CROSS JOIN LATERAL (
    SELECT FROM job WHERE job.owner = wanted.client_id AND job.request_id = wanted.request_id LIMIT 1) AS known`);
const INSERT = sql(`
  INSERT INTO intent (client_id, request_id, intent_digest, repeatable, instance_id, expires_at_ms)
  SELECT *, :instanceId, :expiresAt
  FROM unnest(:clientIds::text[], :requestIds::text[], :digests::bytea[], :repeatable::boolean[])`);
const NAMED = "client_id = :clientId AND request_id = :requestId";
const UNFINISHED = `${NAMED} AND outcome IS NULL`;
const BEGIN_AGAIN = sql(`
  UPDATE intent SET instance_id = :instanceId, expires_at_ms = :expiresAt
  WHERE ${UNFINISHED} AND repeatable AND NOT ${instanceLives("intent")} RETURNING 1`);
const RUNNING_HERE = `${UNFINISHED} AND instance_id = :instanceId`;
/** Includes intents that were given up, whose late outcome is still recorded. */
const MINE = `${UNFINISHED} AND instance_id IN (:instanceId, :givenUpBy)`;
/** Of the runs of a repeatable intent, which may be in several processes, the first one that ends finishes it. */
const FINISH = sql(`
  UPDATE intent SET outcome = :outcome, expires_at_ms = :expiresAt
  WHERE ${UNFINISHED} AND (repeatable OR instance_id IN (:instanceId, :givenUpBy)) RETURNING 1`);
/** Assigns the intent to an instance that is never alive, so that it does not count as running. */
const GIVE_UP = sql(`UPDATE intent SET instance_id = :givenUpBy WHERE ${RUNNING_HERE} RETURNING 1`);
const abandon = (condition: string) =>
  sql(`
  WITH kept AS (
    UPDATE intent SET instance_id = :givenUpBy WHERE ${condition} AND repeatable RETURNING 1 AS one
  ), removed AS (
    DELETE FROM intent WHERE ${condition} AND NOT repeatable RETURNING 1 AS one
  )
  SELECT one FROM kept UNION ALL SELECT one FROM removed`);
const ABANDON = abandon(MINE);
/** Not those that were given up, which an earlier begin has begun. */
const UNDO_BEGIN = abandon(RUNNING_HERE);
const FIND_REPEATABLE = sql(`SELECT outcome FROM intent WHERE ${NAMED} AND repeatable`);

const KNOWN = sql(`
  SELECT 1 FROM intent WHERE ${NAMED} UNION ALL SELECT 1 FROM job WHERE owner = :clientId AND request_id = :requestId`);

/** An intent to be begun. */
interface NewIntent {
  readonly clientId: string;
  readonly requestId: string;
  readonly digest: Uint8Array;
  readonly repeatable: boolean;
}

/** An intent that has ended or was given up. */
interface EndedIntent {
  readonly clientId: string;
  readonly requestId: string;
  readonly outcome: Uint8Array | "not begun" | "not run" | "given up";
}

interface KnownIntent {
  readonly place: number;
  readonly intent_digest: Uint8Array;
  readonly outcome: Uint8Array | null;
  readonly repeatable: boolean;
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

  async begin(
    clientId: string,
    requestId: string,
    digest: Uint8Array,
    { repeatable = false }: { readonly repeatable?: boolean } = {},
  ): Promise<IntentBegin> {
    const key = keyOf(clientId, requestId);
    if (this.#loose.has(key)) await this.tieUp();
    try {
      const found = await this.#begins.add({ clientId, requestId, digest, repeatable });
      if (found.kind === "begun") this.#running.add(key);
      return found;
    } catch (error) {
      // The failed transaction may have been committed. Then the intent is recorded as running although it is not.
      if (!this.#running.has(key)) this.#leaveLoose({ clientId, requestId, outcome: "not begun" });
      throw error;
    }
  }

  async finish(clientId: string, requestId: string, outcome: Uint8Array): Promise<Uint8Array> {
    if (outcome.length > MAX_OUTCOME_BYTES) {
      throw new SealwireError(
        "RESULT_TOO_LARGE",
        `An outcome of ${outcome.length} bytes cannot be recorded; the maximum is ${MAX_OUTCOME_BYTES}.`,
      );
    }
    return (await this.#conclude({ clientId, requestId, outcome })) ?? outcome;
  }

  async abandon(clientId: string, requestId: string): Promise<void> {
    await this.#conclude({ clientId, requestId, outcome: "not run" });
  }

  async giveUp(clientId: string, requestId: string): Promise<void> {
    const ended = { clientId, requestId, outcome: "given up" } as const;
    try {
      await this.#record(ended);
    } catch (error) {
      this.#leaveLoose(ended);
      throw error;
    } finally {
      this.#running.delete(keyOf(clientId, requestId));
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

  async knows(clientId: string, requestId: string): Promise<boolean> {
    return (await this.#options.database.all(KNOWN, { clientId, requestId })).length > 0;
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
    const decide = (intent: NewIntent, place: number): IntentBegin | Promise<IntentBegin> => {
      const known = standing.get(place);
      if (known !== undefined) {
        return mayRepeat(known, intent) ? this.#beginAgain(queries, intent) : standingOf(known, intent);
      }
      if (ofJobs.has(place)) return { kind: "reused" };
      const key = keyOf(intent.clientId, intent.requestId);
      const first = begun.get(key);
      if (first !== undefined) return sameIntent(first.digest, intent) ? { kind: "running" } : { kind: "reused" };
      begun.set(key, intent);
      return { kind: "begun" };
    };
    const decided: IntentBegin[] = [];
    for (const [index, intent] of group.entries()) decided.push(await decide(intent, index + 1));
    if (begun.size > 0) {
      const fresh = [...begun.values()];
      const digests = fresh.map(({ digest }) => Buffer.from(digest));
      const repeatable = fresh.map((intent) => intent.repeatable);
      const values = { ...namesOf(fresh), digests, repeatable, instanceId, expiresAt: this.#expiresAtMs() };
      await queries.all(INSERT, values);
    }
    return decided;
  }

  /** Begins a known intent again. Another begin or the end of a late run may come first. */
  async #beginAgain(queries: Queries, { clientId, requestId }: NewIntent): Promise<IntentBegin> {
    const { instanceId } = this.#options;
    const values = { clientId, requestId, instanceId, expiresAt: this.#expiresAtMs() };
    const changed = await queries.all(BEGIN_AGAIN, values);
    return { kind: changed.length === 1 ? "begun" : "running" };
  }

  /** Records an end. Returns the outcome of a repeatable intent that another run has finished. */
  async #conclude(ended: EndedIntent): Promise<Uint8Array | undefined> {
    const { clientId, requestId } = ended;
    this.#running.delete(keyOf(clientId, requestId));
    try {
      if ((await this.#record(ended)) === 1) return undefined;
      const found = { clientId, requestId };
      const [other] = await this.#options.database.all<Pick<KnownIntent, "outcome">>(FIND_REPEATABLE, found);
      if (other === undefined) throw new Error(`no intent "${requestId}" is running`);
      return other.outcome ?? undefined;
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
    if (outcome === "not begun") return (await database.all(UNDO_BEGIN, values)).length;
    const recorded = { ...values, outcome: Buffer.from(outcome), expiresAt: this.#expiresAtMs() };
    return (await database.all(FINISH, recorded)).length;
  }

  /** The end of a run replaces a missing one, a mark as given up and a failed begin. It is never replaced by these. */
  #leaveLoose(ended: EndedIntent): void {
    const key = keyOf(ended.clientId, ended.requestId);
    const known = this.#loose.get(key)?.outcome;
    const isEnd = ended.outcome instanceof Uint8Array || ended.outcome === "not run";
    if (known === undefined || (isEnd && !(known instanceof Uint8Array))) this.#loose.set(key, ended);
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

/** True if the intent may be begun again: all its runs have one effect, and none is known to be running. */
function mayRepeat(known: KnownIntent, intent: NewIntent): boolean {
  const isOpen = known.outcome === null && !known.running;
  return isOpen && known.repeatable && intent.repeatable && sameIntent(known.intent_digest, intent);
}

function sameIntent(digest: Uint8Array, intent: NewIntent): boolean {
  return Buffer.compare(digest, intent.digest) === 0;
}

/** Client ids and request ids contain no line breaks. */
function keyOf(clientId: string, requestId: string): string {
  return `${clientId}\n${requestId}`;
}
