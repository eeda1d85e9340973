import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { MAX_OUTCOME_BYTES } from "../../wire/limits.ts";
import { INTENT_RETENTION_MS, type IntentBegin, type IntentStore } from "../store.ts";
import type { CommitGroup } from "./commit-group.ts";
import { prepareIntentSweep, type Sweep } from "./jobs/sweep-jobs.ts";
import { sweepInSlices } from "./sweep-in-slices.ts";

const SLICE = 500;

/** An intent to be begun. */
interface NewIntent {
  readonly clientId: string;
  readonly requestId: string;
  readonly digest: Uint8Array;
  readonly repeatable: boolean;
}

/** An intent in the database. */
interface KnownIntent {
  readonly digest: Uint8Array;
  readonly outcome: Uint8Array | null;
  readonly repeatable: number;
}

/** A known intent without an outcome. */
interface UnfinishedIntent {
  readonly kind: "unfinished";
  /** True if it may be begun again unless it is running. */
  readonly again: boolean;
}

type FoundIntent = Exclude<IntentBegin, { readonly kind: "running" | "unknown" }> | UnfinishedIntent;

/** The {@link IntentStore} of the embedded store. */
export class SqliteIntentStore implements IntentStore {
  readonly #commits: CommitGroup;
  readonly #clock: Clock;
  readonly #statements;
  readonly #sweep: Sweep;
  /**
   * Running intents of this process. The store has one owner, so any other intent without an outcome was interrupted.
   */
  readonly #running = new Set<string>();

  constructor({
    db,
    commits,
    clock,
  }: { readonly db: DatabaseSync; readonly commits: CommitGroup; readonly clock: Clock }) {
    this.#commits = commits;
    this.#clock = clock;
    this.#sweep = prepareIntentSweep(db);
    this.#statements = {
      find: db.prepare(
        "SELECT intent_digest AS digest, outcome, repeatable FROM intent WHERE client_id = ? AND request_id = ?",
      ),
      jobOfRequest: db.prepare("SELECT 1 FROM job WHERE owner = ? AND request_id = ?"),
      insert: db.prepare(
        "INSERT INTO intent (client_id, request_id, intent_digest, repeatable, expires_at_ms) VALUES (?, ?, ?, ?, ?)",
      ),
      extend: db.prepare("UPDATE intent SET expires_at_ms = ? WHERE client_id = ? AND request_id = ?"),
      finish: db.prepare(
        "UPDATE intent SET outcome = ?, expires_at_ms = ? WHERE client_id = ? AND request_id = ? AND outcome IS NULL",
      ),
      abandon: db.prepare(
        "DELETE FROM intent WHERE client_id = ? AND request_id = ? AND outcome IS NULL AND NOT repeatable",
      ),
    };
  }

  async begin(
    clientId: string,
    requestId: string,
    digest: Uint8Array,
    { repeatable = false }: { readonly repeatable?: boolean } = {},
  ): Promise<IntentBegin> {
    return new Promise((resolve, reject) => {
      const begun = this.#commits.run(
        () => this.#begin({ clientId, requestId, digest, repeatable }),
        // The same transaction may have begun or ended a run. These changes apply in the order of the operations.
        (found) => resolve(this.#enter(keyOf(clientId, requestId), found)),
      );
      begun.catch(reject);
    });
  }

  async finish(clientId: string, requestId: string, outcome: Uint8Array): Promise<Uint8Array> {
    if (outcome.length > MAX_OUTCOME_BYTES) {
      throw new SealwireError(
        "RESULT_TOO_LARGE",
        `An outcome of ${outcome.length} bytes cannot be recorded; the maximum is ${MAX_OUTCOME_BYTES}.`,
      );
    }
    const { finish } = this.#statements;
    const known = await this.#conclude(clientId, requestId, () =>
      finish.run(outcome, this.#expiresAtMs(), clientId, requestId),
    );
    return known?.outcome ?? outcome;
  }

  /** The row already means "not finished". Only this set marks the intent as running. */
  async giveUp(clientId: string, requestId: string): Promise<void> {
    this.#running.delete(keyOf(clientId, requestId));
  }

  async abandon(clientId: string, requestId: string): Promise<void> {
    await this.#conclude(clientId, requestId, () => this.#statements.abandon.run(clientId, requestId));
  }

  async knows(clientId: string, requestId: string): Promise<boolean> {
    const { find, jobOfRequest } = this.#statements;
    return [find, jobOfRequest].some((statement) => statement.get(clientId, requestId) !== undefined);
  }

  sweep(): Promise<number> {
    return sweepInSlices(this.#commits, this.#sweep, SLICE, this.#clock);
  }

  /** Marks the intent as running unless it runs or has ended. */
  #enter(key: string, found: FoundIntent): IntentBegin {
    if (found.kind === "finished" || found.kind === "reused") return found;
    if (found.kind === "unfinished" && this.#running.has(key)) return { kind: "running" };
    if (found.kind === "unfinished" && !found.again) return { kind: "unknown" };
    this.#running.add(key);
    return { kind: "begun" };
  }

  #begin({ clientId, requestId, digest, repeatable }: NewIntent): FoundIntent {
    const { jobOfRequest, insert, extend } = this.#statements;
    const known = this.#find(clientId, requestId);
    if (known !== undefined) {
      if (Buffer.compare(known.digest, digest) !== 0) return { kind: "reused" };
      if (known.outcome !== null) return { kind: "finished", outcome: known.outcome };
      const again = repeatable && known.repeatable === 1;
      if (again) extend.run(this.#expiresAtMs(), clientId, requestId);
      return { kind: "unfinished", again };
    }
    if (jobOfRequest.get(clientId, requestId) !== undefined) return { kind: "reused" };
    insert.run(clientId, requestId, digest, repeatable ? 1 : 0, this.#expiresAtMs());
    return { kind: "begun" };
  }

  /** Runs an operation on an unfinished intent. If it changes nothing, returns the repeatable intent of another run. */
  async #conclude(
    clientId: string,
    requestId: string,
    operation: () => { readonly changes: number | bigint },
  ): Promise<KnownIntent | undefined> {
    const leave = (): boolean => this.#running.delete(keyOf(clientId, requestId));
    const known = await this.#commits
      .run(() => (operation().changes === 1 ? "changed" : this.#find(clientId, requestId)), leave)
      .catch((thrown: unknown) => {
        leave();
        throw thrown;
      });
    if (known === "changed") return undefined;
    if (known?.repeatable !== 1) throw new Error(`no intent "${requestId}" is running`);
    return known;
  }

  #find(clientId: string, requestId: string): KnownIntent | undefined {
    return this.#statements.find.get(clientId, requestId) as KnownIntent | undefined;
  }

  #expiresAtMs(): number {
    return this.#clock.nowMs() + INTENT_RETENTION_MS;
  }
}

/** Client ids and request ids contain no line breaks. */
function keyOf(clientId: string, requestId: string): string {
  return `${clientId}\n${requestId}`;
}
