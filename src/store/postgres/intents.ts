import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { MAX_OUTCOME_BYTES } from "../../wire/limits.ts";
import { Batch } from "../batch.ts";
import { INTENT_RETENTION_MS, type IntentBegin, type IntentStore } from "../store.ts";
import { lockOwners } from "./advisory-locks.ts";
import { beginIntents, keyOf, type NewIntent } from "./begin-intents.ts";
import type { Database } from "./database.ts";
import type { Instance } from "./instance.ts";
import { sweepIntents } from "./jobs/sweep-jobs.ts";
import type { Queries } from "./queries.ts";
import { sql } from "./statement.ts";

const GROUP = 256;
const SLICE = 500;

const NAMED = "client_id = :clientId AND request_id = :requestId";
const UNFINISHED = `${NAMED} AND outcome IS NULL`;
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

/** An intent that has ended or was given up. */
interface EndedIntent {
  readonly clientId: string;
  readonly requestId: string;
  readonly outcome: Uint8Array | "not begun" | "not run" | "given up";
}

/** The removal of an intent whose begin failed or whose handler did not run. */
interface Removal {
  readonly clientId: string;
  readonly requestId: string;
  readonly outcome: "not begun" | "not run";
}

/** The result of a {@link Removal}: the number of changed rows. */
interface Removed {
  readonly kind: "removed";
  readonly changed: number;
}

/** Options of a {@link PostgresIntentStore}. */
export interface PostgresIntentStoreOptions {
  readonly database: Database;
  readonly instance: Pick<Instance, "id" | "steadyUntilMs">;
  /** Lock space of the locks that protect request ids. */
  readonly requestLockSpace: number;
  readonly clock: Clock;
}

/** The {@link IntentStore} of a shared store. */
export class PostgresIntentStore implements IntentStore {
  readonly #options: PostgresIntentStoreOptions;
  /**
   * Begins and removals run one group after the other, each under the locks of its clients. A removal that is repeated can
   * therefore not delete the intent of a later begin, and it waits for an earlier begin whose commit is still pending.
   */
  readonly #changes: Batch<NewIntent | Removal, IntentBegin | Removed>;
  /** Running intents of this process. */
  readonly #running = new Set<string>();
  /** Intents that have ended in this process but are still recorded as running in the database. */
  readonly #loose = new Map<string, EndedIntent>();
  #tyingUp: Promise<void> | undefined;

  constructor(options: PostgresIntentStoreOptions) {
    this.#options = options;
    this.#changes = new Batch({ most: GROUP, run: (group) => this.#changeGroup(group) });
  }

  async begin(
    clientId: string,
    requestId: string,
    digest: Uint8Array,
    { repeatable = false }: { readonly repeatable?: boolean } = {},
  ): Promise<IntentBegin> {
    const key = keyOf(clientId, requestId);
    while (this.#loose.has(key)) await this.tieUp();
    try {
      return (await this.#changes.add({ clientId, requestId, digest, repeatable })) as IntentBegin;
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
  tieUp(): Promise<void> {
    this.#tyingUp ??= this.#tieUpAll().finally(() => {
      this.#tyingUp = undefined;
    });
    return this.#tyingUp;
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

  async #tieUpAll(): Promise<void> {
    for (const [key, ended] of this.#loose) {
      await this.#record(ended);
      // A later end may have replaced it.
      if (this.#loose.get(key) === ended) this.#loose.delete(key);
    }
  }

  /** Removals come first. Their order relative to the begins of the group does not matter. */
  async #changeGroup(group: readonly (NewIntent | Removal)[]): Promise<readonly (IntentBegin | Removed)[]> {
    const { database, instance, requestLockSpace } = this.#options;
    const results = await database.transaction(async (queries) => {
      const clientIds = group.map(({ clientId }) => clientId);
      await lockOwners(queries, requestLockSpace, clientIds);
      const removed = new Map<Removal, Removed>();
      for (const removal of group.filter(isRemoval)) removed.set(removal, await this.#remove(queries, removal));
      const begun = await beginIntents(queries, group.filter(isNew), { instance, expiresAtMs: this.#expiresAtMs() });
      const begins = begun[Symbol.iterator]();
      return group.map((each) => (isRemoval(each) ? removed.get(each) : begins.next().value) as IntentBegin | Removed);
    });
    results.forEach(({ kind }, index) => {
      if (kind === "begun") this.#enter(group[index] as NewIntent);
    });
    return results;
  }

  /** Marks the intent as running. Under the locks no earlier begin is left that could have been committed. */
  #enter({ clientId, requestId }: NewIntent): void {
    const key = keyOf(clientId, requestId);
    this.#running.add(key);
    if (this.#loose.get(key)?.outcome === "not begun") this.#loose.delete(key);
  }

  /** Does not remove an intent that a later begin of this process has begun. */
  async #remove(queries: Queries, { clientId, requestId, outcome }: Removal): Promise<Removed> {
    const key = keyOf(clientId, requestId);
    const isOver = outcome === "not begun" && this.#loose.get(key)?.outcome !== "not begun";
    if (isOver || this.#running.has(key)) return { kind: "removed", changed: 0 };
    const rows = await queries.all(outcome === "not run" ? ABANDON : UNDO_BEGIN, this.#valuesOf(clientId, requestId));
    return { kind: "removed", changed: rows.length };
  }

  /** Records an end. Returns the outcome of a repeatable intent that another run has finished. */
  async #conclude(ended: EndedIntent): Promise<Uint8Array | undefined> {
    const { clientId, requestId } = ended;
    this.#running.delete(keyOf(clientId, requestId));
    try {
      if ((await this.#record(ended)) === 1) return undefined;
      const found = { clientId, requestId };
      const [other] = await this.#options.database.all<{ outcome: Uint8Array | null }>(FIND_REPEATABLE, found);
      if (other === undefined) throw new Error(`no intent "${requestId}" is running`);
      return other.outcome ?? undefined;
    } catch (error) {
      this.#leaveLoose(ended);
      throw error;
    }
  }

  /** Returns the number of changed rows. */
  async #record({ clientId, requestId, outcome }: EndedIntent): Promise<number> {
    const { database } = this.#options;
    if (outcome === "not run" || outcome === "not begun") {
      return ((await this.#changes.add({ clientId, requestId, outcome })) as Removed).changed;
    }
    const values = this.#valuesOf(clientId, requestId);
    if (outcome === "given up") return (await database.all(GIVE_UP, values)).length;
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

  #valuesOf(clientId: string, requestId: string) {
    const { id: instanceId } = this.#options.instance;
    return { clientId, requestId, instanceId, givenUpBy: `given up by ${instanceId}` };
  }

  #expiresAtMs(): number {
    return this.#options.clock.nowMs() + INTENT_RETENTION_MS;
  }
}

function isRemoval(change: NewIntent | Removal): change is Removal {
  return "outcome" in change;
}

function isNew(change: NewIntent | Removal): change is NewIntent {
  return !isRemoval(change);
}
