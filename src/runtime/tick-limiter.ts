import { type Clock, systemClock } from "./clock.ts";
import { LinkedList, type Place } from "./linked-list.ts";

/** Time budget of the tasks of one event loop turn, in milliseconds. */
const TURN_MS = 5;

type Task = () => void;
/** Waiting tasks of one caller, oldest first. */
type CallerQueue = LinkedList<Task>;

/**
 * Limits the number and the total time of the tasks that run in one turn of the event loop, so that I/O is processed
 * between turns. Each caller has its own queue, and the queues are served round-robin: a caller with many or long tasks
 * delays each other caller by one task.
 */
export class TickLimiter {
  readonly #perTurn: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** Queues by caller. They are kept, because callers return. */
  readonly #queues = new Map<string, CallerQueue>();
  /** The queues that have tasks, in the order in which they are served. */
  readonly #waiting = new LinkedList<CallerQueue>();
  #count = 0;
  #startedAtMs = 0;

  constructor(perTurn: number, clock: Pick<Clock, "monotonicMs"> = systemClock) {
    this.#perTurn = perTurn;
    this.#clock = clock;
  }

  /** Runs `task` for `caller`, immediately if this turn has capacity left. It must not throw. */
  run(task: Task, caller = ""): void {
    if (this.#count === 0) {
      this.#startedAtMs = this.#clock.monotonicMs();
      setImmediate(() => this.#begin());
    } else if (this.#waiting.size > 0 || !this.#hasRoom()) {
      this.#wait(task, caller);
      return;
    }
    this.#count += 1;
    task();
  }

  /** Runs `work` as one task. Resolves to its result, rejects with its error. */
  do<T>(work: () => T | Promise<T>, caller = ""): Promise<T> {
    return new Promise((resolve, reject) => {
      this.run(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      }, caller);
    });
  }

  /** Resolves when the caller may continue. */
  turn(caller = ""): Promise<void> {
    return new Promise((resolve) => this.run(resolve, caller));
  }

  #hasRoom(): boolean {
    return this.#count < this.#perTurn && this.#clock.monotonicMs() - this.#startedAtMs < TURN_MS;
  }

  #wait(task: Task, name: string): void {
    let caller = this.#queues.get(name);
    if (caller === undefined) {
      caller = new LinkedList();
      this.#queues.set(name, caller);
    }
    if (caller.size === 0) this.#waiting.add(caller);
    caller.add(task);
  }

  #begin(): void {
    this.#count = 0;
    if (this.#waiting.size === 0) return;
    setImmediate(() => this.#begin());
    this.#startedAtMs = this.#clock.monotonicMs();
    do {
      this.#count += 1;
      this.#next()();
    } while (this.#waiting.size > 0 && this.#hasRoom());
  }

  /** Removes and returns the next task. A task must be waiting. */
  #next(): Task {
    const turn = this.#waiting.first as Place<CallerQueue>;
    const caller = turn.item;
    const place = caller.first as Place<Task>;
    caller.remove(place);
    this.#waiting.remove(turn);
    if (caller.size > 0) this.#waiting.add(caller);
    return place.item;
  }
}
