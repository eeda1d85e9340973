/** The queued jobs of one owner for one tool. */
export interface TenantQueue {
  readonly priority: number;
  readonly tool: string;
  readonly owner: string;
  /** No job of the queue may start before this time, Unix milliseconds. */
  dueAtMs: number;
}

/**
 * Tracks in memory which owners have queued jobs for which tools, and schedules the owners round-robin, so that a claim
 * never scans the backlog of other owners. A queue may be empty: the next claim removes it.
 */
export class FairQueue {
  /** Queues by priority and by owner and tool, in scheduling order. */
  #queues = new Map<number, Map<string, TenantQueue>>();
  /** Number of {@link add} calls for each queue. */
  readonly #additions = new WeakMap<TenantQueue, number>();

  /** Replaces all queues by those in the database. */
  replace(queues: Iterable<TenantQueue>): void {
    this.#queues = new Map();
    for (const queue of queues) this.#ofPriority(queue.priority).set(keyOf(queue), queue);
  }

  /** Records that a job was queued. */
  add(queued: TenantQueue): void {
    const queues = this.#ofPriority(queued.priority);
    const queue = queues.get(keyOf(queued)) ?? queued;
    queues.set(keyOf(queued), queue);
    queue.dueAtMs = Math.min(queue.dueAtMs, queued.dueAtMs);
    this.#additions.set(queue, this.additionsTo(queue) + 1);
  }

  /** Number of jobs added to the queue so far. If it has changed, an earlier read of the queue may be outdated. */
  additionsTo(queue: TenantQueue): number {
    return this.#additions.get(queue) ?? 0;
  }

  /** The priorities that have queues, highest first. */
  priorities(): readonly number[] {
    return [...this.#queues.keys()].sort((one, other) => other - one);
  }

  /**
   * A snapshot of the queues of a priority in scheduling order. The iteration is not affected by {@link moveToEnd} and
   * {@link remove}.
   */
  *inTurn(priority: number): Iterable<TenantQueue> {
    const queues = this.#ofPriority(priority);
    let left = queues.size;
    for (const queue of queues.values()) {
      if (left-- === 0) return;
      yield queue;
    }
  }

  moveToEnd(queue: TenantQueue): void {
    const queues = this.#ofPriority(queue.priority);
    queues.delete(keyOf(queue));
    queues.set(keyOf(queue), queue);
  }

  remove(queue: TenantQueue): void {
    this.#ofPriority(queue.priority).delete(keyOf(queue));
  }

  #ofPriority(priority: number): Map<string, TenantQueue> {
    let queues = this.#queues.get(priority);
    if (queues === undefined) {
      queues = new Map();
      this.#queues.set(priority, queues);
    }
    return queues;
  }
}

function keyOf({ tool, owner }: Pick<TenantQueue, "tool" | "owner">): string {
  return `${tool}\n${owner}`;
}
