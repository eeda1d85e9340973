import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * When a queued job may start, Unix milliseconds; `:now` if it is said to wait longer than any backoff can make it:
 * then the clock was set back meanwhile.
 */
export const DUE_AT = "iif(run_at_ms - max_backoff_ms > :now, :now, run_at_ms)";

/** The queued jobs of one owner for one tool. */
export interface Lane {
  readonly tool: string;
  readonly owner: string;
  /** No job of the lane may start before this time, Unix milliseconds. */
  dueAtMs: number;
}

/**
 * Knows in memory which owners have queued jobs for which tools, so that a claim never searches through the
 * backlog of others, and lets the owners take turns. A lane without jobs does no harm: the claim that finds it
 * empty removes it.
 */
export class Lanes {
  readonly #next: StatementSync;
  #lanes = new Map<string, Lane>();

  constructor(db: DatabaseSync) {
    this.#next = db.prepare(`
      SELECT tool, owner, ${DUE_AT} AS dueAtMs FROM job
      WHERE state = 'QUEUED' AND (tool, owner) > (:tool, :owner) ORDER BY tool, owner, run_at_ms LIMIT 1`);
  }

  /** Reads the lanes from the database: one seek for each, however long they are. */
  reload(nowMs: number): void {
    const lanes = new Map<string, Lane>();
    for (let at = { tool: "", owner: "" }; ; ) {
      const lane = this.#next.get({ tool: at.tool, owner: at.owner, now: nowMs }) as unknown as Lane | undefined;
      if (lane === undefined) break;
      lanes.set(keyOf(lane), { ...lane });
      at = lane;
    }
    this.#lanes = lanes;
  }

  /** Notes that a job was queued. */
  add(tool: string, owner: string, dueAtMs: number): void {
    const lane = this.#lanes.get(keyOf({ tool, owner }));
    if (lane === undefined) this.#lanes.set(keyOf({ tool, owner }), { tool, owner, dueAtMs });
    else lane.dueAtMs = Math.min(lane.dueAtMs, dueAtMs);
  }

  /** The lanes as they stand in line now; the walk is not disturbed by {@link moveToEnd} and {@link remove}. */
  *inTurn(): Iterable<Lane> {
    let left = this.#lanes.size;
    for (const lane of this.#lanes.values()) {
      if (left-- === 0) return;
      yield lane;
    }
  }

  moveToEnd(lane: Lane): void {
    this.#lanes.delete(keyOf(lane));
    this.#lanes.set(keyOf(lane), lane);
  }

  remove(lane: Lane): void {
    this.#lanes.delete(keyOf(lane));
  }
}

function keyOf({ tool, owner }: Pick<Lane, "tool" | "owner">): string {
  return `${tool}\n${owner}`;
}
