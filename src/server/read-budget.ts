import type { Expiring, RunningTime, TimeLimit } from "../runtime/time-limit.ts";

/** Reads one request; expires if that takes too long. */
export interface Reader extends Expiring {
  /** Begins to read: there is room now. */
  read(): void;
}

/** The right of one request to be read. */
export interface ReadSlot {
  /** Reads once there is room, at once if possible; the time begins then. */
  open(): void;
  /** Gives the room, or the place in the queue, back; idempotent. */
  close(): void;
}

/**
 * Bounds the memory that unverified requests can take: each request being read holds room for the largest message,
 * from the first byte asked for to the last one received, and for a limited time; the others wait, first come first served.
 */
export class ReadBudget {
  readonly #room: Room;

  /** `slots`: how many requests may be read at once. `timeLimit`: how long each may take to arrive whole. */
  constructor(slots: number, timeLimit: TimeLimit) {
    this.#room = { free: slots, waiting: new Set(), isAdmitting: false, timeLimit };
  }

  /** Makes a slot for one request. */
  slot(reader: Reader): ReadSlot {
    return new Slot(this.#room, reader);
  }
}

/** What slots share. */
interface Room {
  free: number;
  readonly waiting: Set<Slot>;
  isAdmitting: boolean;
  readonly timeLimit: TimeLimit;
}

class Slot implements ReadSlot {
  readonly #room: Room;
  readonly #reader: Reader;
  /** While the request is being read. */
  #time: RunningTime | undefined;

  constructor(room: Room, reader: Reader) {
    this.#room = room;
    this.#reader = reader;
  }

  open(): void {
    const { free, waiting, isAdmitting } = this.#room;
    if (free > 0 && !isAdmitting) this.#begin();
    else waiting.add(this);
  }

  close(): void {
    const { waiting, timeLimit } = this.#room;
    waiting.delete(this);
    if (this.#time === undefined) return;
    timeLimit.end(this.#time);
    this.#time = undefined;
    this.#room.free += 1;
    if (waiting.size > 0) Slot.#admitWaiting(this.#room);
  }

  /** What is at hand is read, and its room given back, inside `read`: a loop, where recursion would be as deep as they are many. */
  static #admitWaiting(room: Room): void {
    if (room.isAdmitting) return;
    room.isAdmitting = true;
    try {
      for (const next of room.waiting) {
        if (room.free === 0) break;
        room.waiting.delete(next);
        next.#begin();
      }
    } finally {
      room.isAdmitting = false;
    }
  }

  #begin(): void {
    this.#room.free -= 1;
    this.#time = this.#room.timeLimit.begin(this.#reader);
    this.#reader.read();
  }
}
