import { type Clock, systemClock } from "./clock.ts";
import { LinkedList, type Place } from "./linked-list.ts";

/** How long the tasks of one turn may take before the next ones wait, in milliseconds. */
const TURN_MS = 5;

type Task = () => void;
/** The tasks of one caller that wait, in the order in which they came. */
type Lane = LinkedList<Task>;

/**
 * Bounds what runs in one turn of the event loop, by number and by time, so that input and output go on between turns.
 * Callers take turns, each with a lane of its own: one who has many tasks, or long ones, delays the others by one task.
 */
export class Turns {
  readonly #perTurn: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** By caller; they stay, since callers come back. */
  readonly #lanes = new Map<string, Lane>();
  /** The lanes with tasks, that whose turn is next first. */
  readonly #waiting = new LinkedList<Lane>();
  #count = 0;
  #startedAtMs = 0;

  constructor(perTurn: number, clock: Pick<Clock, "monotonicMs"> = systemClock) {
    this.#perTurn = perTurn;
    this.#clock = clock;
  }

  /** Runs `task` for the caller `lane`, at once if there is room in this turn. It must not throw. */
  run(task: Task, lane = ""): void {
    if (this.#count === 0) {
      this.#startedAtMs = this.#clock.monotonicMs();
      setImmediate(() => this.#begin());
    } else if (this.#waiting.size > 0 || !this.#hasRoom()) {
      this.#wait(task, lane);
      return;
    }
    this.#count += 1;
    task();
  }

  /** Runs `work` as a task of its own; resolves to what it returns, rejects with what it throws. */
  do<T>(work: () => T | Promise<T>, lane = ""): Promise<T> {
    return new Promise((resolve, reject) => {
      this.run(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      }, lane);
    });
  }

  /** Resolves when the caller may go on. */
  turn(lane = ""): Promise<void> {
    return new Promise((resolve) => this.run(resolve, lane));
  }

  #hasRoom(): boolean {
    return this.#count < this.#perTurn && this.#clock.monotonicMs() - this.#startedAtMs < TURN_MS;
  }

  #wait(task: Task, name: string): void {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new LinkedList();
      this.#lanes.set(name, lane);
    }
    if (lane.size === 0) this.#waiting.add(lane);
    lane.add(task);
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
    const turn = this.#waiting.first as Place<Lane>;
    const lane = turn.item;
    const place = lane.first as Place<Task>;
    lane.remove(place);
    this.#waiting.remove(turn);
    if (lane.size > 0) this.#waiting.add(lane);
    return place.item;
  }
}
