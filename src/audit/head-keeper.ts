import { createHash } from "node:crypto";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { pae } from "../signing/pae.ts";
import type { AuditHeads } from "../store/audit-heads.ts";
import { CHAIN_START, type ChainHead } from "./line.ts";
import type { AuditSink } from "./sink.ts";

/** Options of a {@link HeadKeeper}. */
export interface HeadKeeperOptions {
  readonly sink: AuditSink;
  readonly heads: AuditHeads | undefined;
  /** Name of this machine. */
  readonly host: string;
  /** Id of this process. */
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where a log begins. */
export interface LogStart {
  /** The line that its first line follows. */
  readonly head: ChainHead;
  /** For a new chain: the last known line of the chain that was written at this path before. */
  readonly follows?: ChainHead;
}

/**
 * Keeps the head of a file's chain in the store, and which chain was written last at a path of a machine. A chain without
 * a file ends with its process and is not kept.
 */
export class HeadKeeper {
  readonly #options: HeadKeeperOptions;
  readonly #heads: AuditHeads | undefined;
  #recorded = 0;
  #isPlaced = false;

  constructor(options: HeadKeeperOptions) {
    this.#options = options;
    this.#heads = options.sink.path === undefined ? undefined : options.heads;
  }

  /**
   * A log continues after the last line of its file, or the one that the store knows if that is later. A new file begins a
   * chain of its own. Throws UNAVAILABLE.
   */
  async first(): Promise<LogStart> {
    const { head } = this.#options.sink.tail;
    return head === undefined ? await this.#begin() : { head: await this.#laterOf(head) };
  }

  /** Records a head once its line is on disk. Never rejects. */
  async record({ chain, sequence, mac }: ChainHead): Promise<void> {
    const { sink, logger } = this.#options;
    if (this.#heads === undefined || sequence === this.#recorded) return;
    try {
      await sink.sync();
      await this.#heads.record(chain, { sequence, head: Buffer.from(mac, "hex") });
      if (!this.#isPlaced) await this.#place(this.#heads, chain);
      this.#recorded = sequence;
    } catch (err) {
      logger.warn({ err }, "the head of the audit log could not be recorded in the store");
    }
  }

  /** A new chain has an id of its own, so that another store or machine never continues it by chance. */
  async #begin(): Promise<LogStart> {
    const { sink, host, instance, clock } = this.#options;
    const chain = idOf("audit-chain", host, sink.path ?? "", instance, String(clock.nowMs()));
    const head = { chain, sequence: 0, mac: CHAIN_START };
    const place = await this.#heads?.read(this.#placeId);
    if (place == null) return { head };
    const before = Buffer.from(place.head).toString("hex");
    const last = await this.#heads?.read(before);
    return last == null ? { head } : { head, follows: headOf(before, last) };
  }

  async #laterOf(inFile: ChainHead): Promise<ChainHead> {
    const stored = await this.#heads?.read(inFile.chain);
    if (stored == null || stored.sequence <= inFile.sequence) return inFile;
    const { sink, logger } = this.#options;
    const found = { path: sink.path, sequence: inFile.sequence, stored: stored.sequence };
    logger.error(found, "the audit log lacks its last lines: the store knows a later one");
    return headOf(inFile.chain, stored);
  }

  /** Records the chain that is written at this path. The sequence of such a record counts the chains. */
  async #place(heads: AuditHeads, chain: string): Promise<void> {
    const head = Buffer.from(chain, "hex");
    const before = await heads.read(this.#placeId);
    if (before === null || !head.equals(before.head)) {
      await heads.record(this.#placeId, { sequence: (before?.sequence ?? 0) + 1, head });
    }
    this.#isPlaced = true;
  }

  get #placeId(): string {
    const { sink, host } = this.#options;
    return idOf("audit-place", host, sink.path ?? "");
  }
}

function headOf(
  chain: string,
  { sequence, head }: { readonly sequence: number; readonly head: Uint8Array },
): ChainHead {
  return { chain, sequence, mac: Buffer.from(head).toString("hex") };
}

/** An id of 32 hex digits. */
function idOf(...parts: readonly string[]): string {
  return createHash("sha256")
    .update(pae(...parts))
    .digest("hex")
    .slice(0, 32);
}
