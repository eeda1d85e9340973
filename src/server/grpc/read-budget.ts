import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";
import type { Expiring, RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import { MAX_REQUEST_BYTES } from "../../wire/limits.ts";

/** Receives one request. Expires if that takes too long. */
export interface Reader extends Expiring {
  /** The memory requested with {@link Reading.reserve} is available: continues to read. */
  read(): void;
  /** Number of received bytes of the message that waits for memory. */
  readonly waitingBytes: number;
  /** Refuses the request: unverified requests use too much memory, and this connection uses the most. */
  crowdOut(): void;
}

/** One request that is being read. */
export interface Reading {
  /**
   * Requests memory for a message, once its announced length is known. Returns true if the message may be read now. If
   * not, {@link Reader.read} is called as soon as it may.
   */
  reserve(bytes: number): boolean;
  /** Releases all memory of the request. Idempotent. */
  close(): void;
}

/**
 * The initial flow-control window of HTTP/2. A stream can buffer as much even if it is not read, so smaller messages do
 * not wait for memory.
 */
export const WINDOW_BYTES = 65_535;
/** Memory of an open request before its message arrives: its headers and objects. */
const OPEN_BYTES = 8 * 1024;
const COUNT_INTERVAL_MS = 50;

/**
 * Limits the memory of unverified requests. Half of it is for large messages.
 *
 * A request counts with a small fixed size, and with the announced length of its message as soon as that is known. A
 * message larger than the flow-control window waits until its memory is available. One connection gets at most an
 * eighth of that memory, and waiting connections are served in turn. If small and waiting requests exceed their half,
 * the connection that uses the most memory loses its oldest requests. Each request has a time limit, which is suspended
 * while it waits.
 */
export class ReadBudget {
  readonly #pool: Pool;

  /** `bytesMax`: the limit for all requests together. `timeLimit`: the time in which each request must arrive. */
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

  /** Registers a new request and starts its time limit. `connection`: any object that identifies its connection. */
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

/** The state that all requests share. */
interface Pool {
  readonly clock: Clock;
  readonly timeLimit: TimeLimit;
  /** Maximum bytes of large messages, in total and per connection. */
  readonly largeMax: number;
  readonly shareMax: number;
  /** Maximum bytes of everything else. */
  readonly openMax: number;
  large: number;
  open: number;
  /** Connections with open requests. */
  readonly shares: LinkedList<Share>;
  readonly byConnection: WeakMap<object, Share>;
  /** Waiting connections that are below their limit, in the order in which they are served. */
  readonly turns: LinkedList<Share>;
  /** All waiting requests. */
  readonly waiting: LinkedList<Request>;
  isCounting: boolean;
  isAdmitting: boolean;
}

/** The state that the requests of one connection share. */
interface Share {
  open: number;
  large: number;
  readonly requests: LinkedList<Request>;
  readonly waiting: LinkedList<Request>;
  /** The connection's entries in `shares` and `turns`, if it has one. */
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
  /** Requested bytes while the request waits. */
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

  /** Sets the memory of the request besides a large message. Above the limit, {@link crowdOut} refuses requests. */
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

  /** Counts the bytes that arrived while the request waits, up to a flow-control window. No event reports them. */
  count(): void {
    if (this.#waiting !== undefined) this.#hold(this.#reader.waitingBytes);
  }

  crowdOut(): void {
    this.#reader.crowdOut();
    this.close();
  }

  /** Takes the requested memory and continues to read. */
  begin(): void {
    this.#stopWaiting();
    this.#take(this.#wanted);
    this.#hold(0);
    this.#time = this.#pool.timeLimit.begin(this.#reader);
    this.#reader.read();
  }
}

/** Adds a connection to `turns` or removes it, depending on whether its next request is below its limit. */
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

/** Serves waiting connections in turn. `begin` may release memory synchronously: a loop avoids recursion. */
function admit(pool: Pool): void {
  if (pool.isAdmitting) return;
  pool.isAdmitting = true;
  try {
    for (let turn = pool.turns.first; turn !== undefined; turn = pool.turns.first) {
      const share = turn.item;
      const next = share.waiting.first?.item;
      // Later requests do not overtake this one. Otherwise a large message might wait forever.
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

/** Periodically counts the bytes that arrived for waiting requests. */
function countWaiting(pool: Pool): void {
  if (pool.isCounting) return;
  pool.isCounting = true;
  pool.clock.after(COUNT_INTERVAL_MS, () => {
    pool.isCounting = false;
    for (const request of pool.waiting) request.count();
    if (pool.waiting.size > 0) countWaiting(pool);
  });
}

/** While the limit is exceeded, refuses the oldest request of the connection that uses the most memory. */
function crowdOut(pool: Pool): void {
  while (pool.open > pool.openMax) {
    let most: Share | undefined;
    for (const share of pool.shares) if (most === undefined || share.open > most.open) most = share;
    const oldest = most?.requests.first;
    if (oldest === undefined) return;
    oldest.item.crowdOut();
  }
}

/** The refusal of a request whose connection uses too much memory for unverified requests. */
export function tooManyRequests(): SealwireError {
  return new SealwireError("QUOTA_EXCEEDED", "Too many requests on this connection are incomplete; try again.", {
    retryDelayMs: 1000,
  });
}
