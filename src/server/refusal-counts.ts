import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";

const INTERVAL_MS = 1000;
/** Peers that are counted apart; the others are counted together. */
const PEERS_MAX = 1000;
const OTHERS = "others";

/** Counts what strangers are refused, and writes one line per peer address and second, however much that is. */
export class RefusalCounts {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #message: string;
  /** By peer address: how often for each cause, since the last line. */
  readonly #peers = new Map<string, Map<string, number>>();
  #isTiming = false;

  /** `message`: that of a line, such as "calls refused". */
  constructor(logger: Logger, clock: Clock, message: string) {
    this.#logger = logger;
    this.#clock = clock;
    this.#message = message;
  }

  /** True if nothing of this peer address was refused lately, so that this is to be written; otherwise it is counted. */
  isFirst(address: string, cause: string): boolean {
    const counts = this.#peers.get(address);
    if (counts === undefined && this.#peers.size < PEERS_MAX) {
      this.#peers.set(address, new Map());
      this.#time();
      return true;
    }
    count(counts ?? this.#others(), cause);
    return false;
  }

  /** Writes what has been counted, and forgets the peers of which there was nothing. */
  write(): void {
    for (const [peer, counts] of this.#peers) {
      if (counts.size === 0) {
        this.#peers.delete(peer);
        continue;
      }
      const refused = [...counts.values()].reduce((sum, each) => sum + each, 0);
      this.#logger.warn({ audit: true, peer, refused, causes: Object.fromEntries(counts) }, this.#message);
      counts.clear();
    }
  }

  #others(): Map<string, number> {
    let counts = this.#peers.get(OTHERS);
    if (counts === undefined) {
      counts = new Map();
      this.#peers.set(OTHERS, counts);
    }
    return counts;
  }

  #time(): void {
    if (this.#isTiming) return;
    this.#isTiming = true;
    this.#clock.after(INTERVAL_MS, () => {
      this.#isTiming = false;
      this.write();
      if (this.#peers.size > 0) this.#time();
    });
  }
}

function count(counts: Map<string, number>, cause: string): void {
  counts.set(cause, (counts.get(cause) ?? 0) + 1);
}
