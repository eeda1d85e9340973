import { type Clock, systemClock } from "./clock.ts";
import { LinkedList, type Place } from "./linked-list.ts";

/** How long the tasks of one turn may take before the next ones wait, in milliseconds. */
const TURN_MS = 5;

type Task = () => void;
/** The tasks of one caller that wait, in the order in which they came. */
type CallerQueue = LinkedList<Task>;

/**
 * Bounds what runs in one turn of the event loop, by number and by time, so that input and output go on between turns.
 * Callers take turns, each with a queue of its own: one who has many tasks, or long ones, delays the others by one task.
 */
export class TickLimiter {
  readonly #perTurn: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** By caller; they stay, since callers come back. */
  readonly #queues = new Map<string, CallerQueue>();
  /** The queues with tasks, that whose turn is next first. */
  readonly #waiting = new LinkedList<CallerQueue>();
  #count = 0;
  #startedAtMs = 0;

  constructor(perTurn: number, clock: Pick<Clock, "monotonicMs"> = systemClock) {
    this.#perTurn = perTurn;
    this.#clock = clock;
  }

  /** Runs `task` for `caller`, at once if there is room in this turn. It must not throw. */
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

  /** Runs `work` as a task of its own; resolves to what it returns, rejects with what it throws. */
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

  /** Resolves when the caller may go on. */
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

  /** Takes the next task out; there is one. */
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
