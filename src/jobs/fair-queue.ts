/** The queued jobs of one owner for one tool. */
export interface TenantQueue {
  readonly priority: number;
  readonly tool: string;
  readonly owner: string;
  /** No job of the queue may start before this time, Unix milliseconds. */
  dueAtMs: number;
}

/**
 * Knows in memory which owners have queued jobs for which tools, so that a claim never searches through the
 * backlog of others, and lets the owners take turns. A queue without jobs does no harm: the claim that finds it
 * empty removes it.
 */
export class FairQueue {
  /** By priority, then by what else makes a queue; in the order of their turns. */
  #queues = new Map<number, Map<string, TenantQueue>>();
  /** How often {@link add} was told of a queue. */
  readonly #additions = new WeakMap<TenantQueue, number>();

  /** Takes the queues as they are in the database. */
  replace(queues: Iterable<TenantQueue>): void {
    this.#queues = new Map();
    for (const queue of queues) this.#ofPriority(queue.priority).set(keyOf(queue), queue);
  }

  /** Notes that a job was queued. */
  add(queued: TenantQueue): void {
    const queues = this.#ofPriority(queued.priority);
    const queue = queues.get(keyOf(queued)) ?? queued;
    queues.set(keyOf(queued), queue);
    queue.dueAtMs = Math.min(queue.dueAtMs, queued.dueAtMs);
    this.#additions.set(queue, this.additionsTo(queue) + 1);
  }

  /** Rises whenever a job was added to the queue: what was read of it before may be stale. */
  additionsTo(queue: TenantQueue): number {
    return this.#additions.get(queue) ?? 0;
  }

  /** The priorities that have queues, the highest first. */
  priorities(): readonly number[] {
    return [...this.#queues.keys()].sort((one, other) => other - one);
  }

  /** The queues of a priority as they stand in line now; the walk is not disturbed by {@link moveToEnd} and {@link remove}. */
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
