import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { MAX_OUTCOME_BYTES } from "../../wire/limits.ts";
import { INTENT_RETENTION_MS, type IntentBegin, type IntentStore } from "../store.ts";
import type { CommitGroup } from "./commit-group.ts";
import { prepareIntentSweep, type Sweep } from "./jobs/sweep-jobs.ts";
import { sweepInSlices } from "./sweep-in-slices.ts";

const SLICE = 500;

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
      find: db.prepare("SELECT intent_digest AS digest, outcome FROM intent WHERE client_id = ? AND request_id = ?"),
      jobOfRequest: db.prepare("SELECT 1 FROM job WHERE owner = ? AND request_id = ?"),
      insert: db.prepare("INSERT INTO intent VALUES (?, ?, ?, NULL, ?)"),
      finish: db.prepare(
        "UPDATE intent SET outcome = ?, expires_at_ms = ? WHERE client_id = ? AND request_id = ? AND outcome IS NULL",
      ),
      abandon: db.prepare("DELETE FROM intent WHERE client_id = ? AND request_id = ? AND outcome IS NULL"),
    };
  }

  async begin(clientId: string, requestId: string, intentDigest: Uint8Array): Promise<IntentBegin> {
    const key = keyOf(clientId, requestId);
    const found = await this.#commits.run(
      () => this.#begin(clientId, requestId, intentDigest),
      ({ kind }) => kind === "begun" && this.#running.add(key),
    );
    if (found.kind !== "unfinished") return found;
    // Checked after the commit, because the same transaction may have begun the intent.
    return { kind: this.#running.has(key) ? "running" : "unknown" };
  }

  async finish(clientId: string, requestId: string, outcome: Uint8Array): Promise<void> {
    if (outcome.length > MAX_OUTCOME_BYTES) {
      throw new SealwireError(
        "RESULT_TOO_LARGE",
        `An outcome of ${outcome.length} bytes cannot be recorded; the maximum is ${MAX_OUTCOME_BYTES}.`,
      );
    }
    await this.#conclude(clientId, requestId, () =>
      this.#statements.finish.run(outcome, this.#clock.nowMs() + INTENT_RETENTION_MS, clientId, requestId),
    );
  }

  /** The row already means "not finished". Only this set marks the intent as running. */
  async giveUp(clientId: string, requestId: string): Promise<void> {
    this.#running.delete(keyOf(clientId, requestId));
  }

  async abandon(clientId: string, requestId: string): Promise<void> {
    await this.#conclude(clientId, requestId, () => this.#statements.abandon.run(clientId, requestId));
  }

  sweep(): Promise<number> {
    return sweepInSlices(this.#commits, this.#sweep, SLICE, this.#clock);
  }

  #begin(clientId: string, requestId: string, intentDigest: Uint8Array): IntentBegin | { readonly kind: "unfinished" } {
    const { find, jobOfRequest, insert } = this.#statements;
    const known = find.get(clientId, requestId) as { digest: Uint8Array; outcome: Uint8Array | null } | undefined;
    if (known !== undefined) {
      if (Buffer.compare(known.digest, intentDigest) !== 0) return { kind: "reused" };
      if (known.outcome !== null) return { kind: "finished", outcome: known.outcome };
      return { kind: "unfinished" };
    }
    if (jobOfRequest.get(clientId, requestId) !== undefined) return { kind: "reused" };
    insert.run(clientId, requestId, intentDigest, this.#clock.nowMs() + INTENT_RETENTION_MS);
    return { kind: "begun" };
  }

  async #conclude(
    clientId: string,
    requestId: string,
    operation: () => { readonly changes: number | bigint },
  ): Promise<void> {
    const key = keyOf(clientId, requestId);
    try {
      const { changes } = await this.#commits.run(operation);
      if (changes !== 1) throw new Error(`no intent "${requestId}" is running`);
    } finally {
      this.#running.delete(key);
    }
  }
}

/** Client ids and request ids contain no line breaks. */
function keyOf(clientId: string, requestId: string): string {
  return `${clientId}\n${requestId}`;
}
