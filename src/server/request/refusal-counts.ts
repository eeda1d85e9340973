import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ClaimedKey } from "../../signing/request/verify.ts";

const INTERVAL_MS = 1000;
/** Maximum number of peers that are counted separately. All others are counted together. */
const PEERS_MAX = 1000;
/** Maximum number of claimed keys in one line. */
const KEYS_MAX = 8;
const OTHERS = "others";

/** The refusals of one peer address since the last line. */
class PeerRefusals {
  /** Number of refusals by cause. */
  readonly causes = new Map<string, number>();
  /** The first claimed keys, by id. */
  readonly claimed = new Map<string, ClaimedKey>();

  add(cause: string, claimed: ClaimedKey | undefined): void {
    this.causes.set(cause, (this.causes.get(cause) ?? 0) + 1);
    if (claimed !== undefined && this.claimed.size < KEYS_MAX) this.claimed.set(claimed.keyId, claimed);
  }

  clear(): void {
    this.causes.clear();
    this.claimed.clear();
  }
}

/**
 * Counts the refusals of unauthenticated peers, and writes at most one line per peer address and second. The line names
 * up to eight of the keys that were claimed.
 */
export class RefusalCounts {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #message: string;
  /** By peer address. */
  readonly #peers = new Map<string, PeerRefusals>();
  #isTiming = false;

  /** `message`: the message of each line, such as "calls refused". */
  constructor(logger: Logger, clock: Clock, message: string) {
    this.#logger = logger;
    this.#clock = clock;
    this.#message = message;
  }

  /**
   * Returns true if this is the first recent refusal of the address, which the caller then writes. Counts it otherwise.
   */
  isFirst(address: string, cause: string, claimed?: ClaimedKey): boolean {
    const refusals = this.#peers.get(address);
    if (refusals === undefined && this.#peers.size < PEERS_MAX) {
      this.#peers.set(address, new PeerRefusals());
      this.#time();
      return true;
    }
    (refusals ?? this.#others()).add(cause, claimed);
    return false;
  }

  /** Writes the counted refusals, and removes peers without any. */
  write(): void {
    for (const [peer, refusals] of this.#peers) {
      const { causes, claimed } = refusals;
      if (causes.size === 0) {
        this.#peers.delete(peer);
        continue;
      }
      const refused = [...causes.values()].reduce((sum, each) => sum + each, 0);
      const keys = [...claimed.values()].map(({ keyId, clientId }) => ({ key_id: keyId, client: clientId }));
      this.#logger.warn(
        {
          audit: true,
          peer,
          refused,
          causes: Object.fromEntries(causes),
          ...(keys.length > 0 && { claimed_keys: keys }),
        },
        this.#message,
      );
      refusals.clear();
    }
  }

  #others(): PeerRefusals {
    let others = this.#peers.get(OTHERS);
    if (others === undefined) {
      others = new PeerRefusals();
      this.#peers.set(OTHERS, others);
    }
    return others;
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
