import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";
import type { Expiring, RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import { MAX_REQUEST_BYTES } from "../../wire/limits.ts";

/** Reads one request; expires if that takes too long. */
export interface Reader extends Expiring {
  /** Reads on: there is room now for what it has asked for. */
  read(): void;
  /** How much has come of the message of which it waits to read the rest. */
  readonly waitingBytes: number;
  /** Gives up: too much is held for requests that nobody has verified, and most of it for this connection. */
  crowdOut(): void;
}

/** One request that is being read. */
export interface Reading {
  /**
   * Asks for the memory that the message takes, once its announced length is known. True if it may be read now; otherwise
   * {@link Reader.read} is called when it may.
   */
  reserve(bytes: number): boolean;
  /** Gives everything back; idempotent. */
  close(): void;
}

/** What a stream can hold while it is not read, which is the initial window of HTTP/2; so reading as much costs nothing more. */
export const WINDOW_BYTES = 65_535;
/** What an open request takes before anything of its message has come: its headers, and the objects for it. */
const OPEN_BYTES = 8 * 1024;
const COUNT_INTERVAL_MS = 50;

/**
 * Bounds the memory that unverified requests can take, half of it for large messages. A request takes little until its
 * message begins; then as much as that announces. What is larger than a window waits if there is no room: a connection has
 * at most an eighth of it, and connections that wait have it in turn. If the small ones and those that wait become too
 * many, the connection with most of them loses its oldest ones. Each request has a limited time, which does not run while it waits.
 */
export class ReadBudget {
  readonly #pool: Pool;

  /** `bytesMax`: for all requests. `timeLimit`: how long each may take to arrive whole. */
  constructor(bytesMax: number, clock: Clock, timeLimit: TimeLimit) {
    const largeMax = Math.max(MAX_REQUEST_BYTES, Math.floor(bytesMax / 2));
    this.#pool = {
      clock,
      timeLimit,
      largeMax,
      shareMax: Math.max(MAX_REQUEST_BYTES, Math.floor(largeMax / 8)),
      openMax: Math.max(OPEN_BYTES + WINDOW_BYTES, bytesMax - largeMax),
      large: 0,
      open: 0,
      shares: new LinkedList(),
      byConnection: new WeakMap(),
      turns: new LinkedList(),
      waiting: new LinkedList(),
      isCounting: false,
      isAdmitting: false,
    };
  }

  /** A request has come on a connection, which any object may stand for, and its time begins. */
  enter(connection: object, reader: Reader): Reading {
    const pool = this.#pool;
    let share = pool.byConnection.get(connection);
    if (share === undefined) {
      share = { open: 0, large: 0, requests: new LinkedList(), waiting: new LinkedList() };
      pool.byConnection.set(connection, share);
    }
    return new Request(pool, share, reader);
  }
}

/** What all requests share. */
interface Pool {
  readonly clock: Clock;
  readonly timeLimit: TimeLimit;
  /** Most bytes of large messages, over all connections and for each. */
  readonly largeMax: number;
  readonly shareMax: number;
  /** Most bytes of everything else. */
  readonly openMax: number;
  large: number;
  open: number;
  /** The connections that have requests. */
  readonly shares: LinkedList<Share>;
  readonly byConnection: WeakMap<object, Share>;
  /** The connections that wait for room although they have not used their share up. */
  readonly turns: LinkedList<Share>;
  /** All requests that wait. */
  readonly waiting: LinkedList<Request>;
  isCounting: boolean;
  isAdmitting: boolean;
}

/** What the requests of one connection share. */
interface Share {
  open: number;
  large: number;
  readonly requests: LinkedList<Request>;
  readonly waiting: LinkedList<Request>;
  /** Among the connections that have requests, and among those that have their turn; while it is there. */
  place?: Place<Share> | undefined;
  turn?: Place<Share> | undefined;
}

class Request implements Reading {
  readonly #pool: Pool;
  readonly #share: Share;
  readonly #reader: Reader;
  readonly #place: Place<Request>;
  #time: RunningTime | undefined;
  #open = OPEN_BYTES;
  #large = 0;
  /** While it waits: how much for. */
  #wanted = 0;
  #waiting: Place<Request> | undefined;
  #waitingOfAll: Place<Request> | undefined;
  #isClosed = false;

  constructor(pool: Pool, share: Share, reader: Reader) {
    this.#pool = pool;
    this.#share = share;
    this.#reader = reader;
    share.place ??= pool.shares.add(share);
    this.#place = share.requests.add(this);
    this.#time = pool.timeLimit.begin(reader);
    pool.open += OPEN_BYTES;
    share.open += OPEN_BYTES;
    crowdOut(pool);
  }

  reserve(bytes: number): boolean {
    const { large, largeMax, shareMax, turns } = this.#pool;
    const share = this.#share;
    if (bytes <= WINDOW_BYTES) {
      this.#hold(bytes);
      return true;
    }
    const isNext = share.waiting.size === 0 && turns.size === 0;
    if (isNext && large + bytes <= largeMax && share.large + bytes <= shareMax) {
      this.#take(bytes);
      return true;
    }
    this.#wanted = bytes;
    this.#waiting = share.waiting.add(this);
    this.#waitingOfAll = this.#pool.waiting.add(this);
    this.#stopTime();
    queue(this.#pool, share);
    countWaiting(this.#pool);
    return false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const pool = this.#pool;
    const share = this.#share;
    this.#stopTime();
    share.requests.remove(this.#place);
    if (share.requests.size === 0 && share.place !== undefined) {
      pool.shares.remove(share.place);
      share.place = undefined;
    }
    pool.open -= this.#open;
    share.open -= this.#open;
    pool.large -= this.#large;
    share.large -= this.#large;
    const isMissed = this.#waiting !== undefined || this.#large > 0;
    this.#stopWaiting();
    if (!isMissed) return;
    queue(pool, share);
    admit(pool);
  }

  /** Holds so much beside what it held when it came; the connection that holds most pays if that is too much. */
  #hold(bytes: number): void {
    const more = OPEN_BYTES + bytes - this.#open;
    this.#open += more;
    this.#share.open += more;
    this.#pool.open += more;
    crowdOut(this.#pool);
  }

  #take(bytes: number): void {
    this.#large = bytes;
    this.#share.large += bytes;
    this.#pool.large += bytes;
  }

  #stopWaiting(): void {
    if (this.#waiting !== undefined) this.#share.waiting.remove(this.#waiting);
    if (this.#waitingOfAll !== undefined) this.#pool.waiting.remove(this.#waitingOfAll);
    this.#waiting = undefined;
    this.#waitingOfAll = undefined;
  }

  #stopTime(): void {
    if (this.#time !== undefined) this.#pool.timeLimit.end(this.#time);
    this.#time = undefined;
  }

  get wanted(): number {
    return this.#wanted;
  }

  /** Counts what has come while it waits: up to a window, of which nobody tells. */
  count(): void {
    if (this.#waiting !== undefined) this.#hold(this.#reader.waitingBytes);
  }

  crowdOut(): void {
    this.#reader.crowdOut();
    this.close();
  }

  /** Has its turn. */
  begin(): void {
    this.#stopWaiting();
    this.#take(this.#wanted);
    this.#hold(0);
    this.#time = this.#pool.timeLimit.begin(this.#reader);
    this.#reader.read();
  }
}

/** Puts a connection among those that have their turn, or takes it from there. */
function queue(pool: Pool, share: Share): void {
  const first = share.waiting.first?.item;
  const isDue = first !== undefined && share.large + first.wanted <= pool.shareMax;
  if (isDue) {
    share.turn ??= pool.turns.add(share);
  } else if (share.turn !== undefined) {
    pool.turns.remove(share.turn);
    share.turn = undefined;
  }
}

/** What is at hand is read, and its room given back, inside `begin`: a loop, where recursion would be as deep as they are many. */
function admit(pool: Pool): void {
  if (pool.isAdmitting) return;
  pool.isAdmitting = true;
  try {
    for (let turn = pool.turns.first; turn !== undefined; turn = pool.turns.first) {
      const share = turn.item;
      const next = share.waiting.first?.item;
      // Who does not fit in waits for more room, and so do those behind, or large messages would never have it.
      if (next !== undefined && pool.large + next.wanted > pool.largeMax) break;
      pool.turns.remove(turn);
      share.turn = undefined;
      next?.begin();
      queue(pool, share);
    }
  } finally {
    pool.isAdmitting = false;
  }
}

/** Looks from time to time how much has come for the requests that wait. */
function countWaiting(pool: Pool): void {
  if (pool.isCounting) return;
  pool.isCounting = true;
  pool.clock.after(COUNT_INTERVAL_MS, () => {
    pool.isCounting = false;
    for (const request of pool.waiting) request.count();
    if (pool.waiting.size > 0) countWaiting(pool);
  });
}

/** While too much is held, takes the oldest request from the connection that holds most. */
function crowdOut(pool: Pool): void {
  while (pool.open > pool.openMax) {
    let most: Share | undefined;
    for (const share of pool.shares) if (most === undefined || share.open > most.open) most = share;
    const oldest = most?.requests.first;
    if (oldest === undefined) return;
    oldest.item.crowdOut();
  }
}

/** The refusal of a request that had to give way to others. */
export function tooManyRequests(): SealwireError {
  return new SealwireError(
    "QUOTA_EXCEEDED",
    "Too many requests on this connection have not arrived whole; try again.",
    {
      retryDelayMs: 1000,
    },
  );
}
