/** The queued jobs of one owner for one tool. */
export interface Lane {
  readonly priority: number;
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
  /** By priority, then by what else makes a lane; in the order of their turns. */
  #lanes = new Map<number, Map<string, Lane>>();
  /** How often {@link add} was told of a lane. */
  readonly #additions = new WeakMap<Lane, number>();

  /** Takes the lanes as they are in the database. */
  replace(lanes: Iterable<Lane>): void {
    this.#lanes = new Map();
    for (const lane of lanes) this.#ofPriority(lane.priority).set(keyOf(lane), lane);
  }

  /** Notes that a job was queued. */
  add(queued: Lane): void {
    const lanes = this.#ofPriority(queued.priority);
    const lane = lanes.get(keyOf(queued)) ?? queued;
    lanes.set(keyOf(queued), lane);
    lane.dueAtMs = Math.min(lane.dueAtMs, queued.dueAtMs);
    this.#additions.set(lane, this.additionsTo(lane) + 1);
  }

  /** Rises whenever a job was queued in the lane: what was read of it before may be old by now. */
  additionsTo(lane: Lane): number {
    return this.#additions.get(lane) ?? 0;
  }

  /** The priorities that have lanes, the highest first. */
  priorities(): readonly number[] {
    return [...this.#lanes.keys()].sort((one, other) => other - one);
  }

  /** The lanes of a priority as they stand in line now; the walk is not disturbed by {@link moveToEnd} and {@link remove}. */
  *inTurn(priority: number): Iterable<Lane> {
    const lanes = this.#ofPriority(priority);
    let left = lanes.size;
    for (const lane of lanes.values()) {
      if (left-- === 0) return;
      yield lane;
    }
  }

  moveToEnd(lane: Lane): void {
    const lanes = this.#ofPriority(lane.priority);
    lanes.delete(keyOf(lane));
    lanes.set(keyOf(lane), lane);
  }

  remove(lane: Lane): void {
    this.#ofPriority(lane.priority).delete(keyOf(lane));
  }

  #ofPriority(priority: number): Map<string, Lane> {
    let lanes = this.#lanes.get(priority);
    if (lanes === undefined) {
      lanes = new Map();
      this.#lanes.set(priority, lanes);
    }
    return lanes;
  }
}

function keyOf({ tool, owner }: Pick<Lane, "tool" | "owner">): string {
  return `${tool}\n${owner}`;
}
