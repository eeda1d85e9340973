import { createHash } from "node:crypto";
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
  readonly logger: Logger;
}

/** Keeps the head of a file's chain in the store. A chain without a file ends with its process and is not kept. */
export class HeadKeeper {
  readonly #options: HeadKeeperOptions;
  readonly #heads: AuditHeads | undefined;
  #recorded = 0;

  constructor(options: HeadKeeperOptions) {
    this.#options = options;
    this.#heads = options.sink.path === undefined ? undefined : options.heads;
  }

  /**
   * The line after which a log continues: the last one of the file, or the one that the store knows if that is later.
   * Throws UNAVAILABLE.
   */
  async first(): Promise<ChainHead> {
    const { sink, host, instance, logger } = this.#options;
    const { path } = sink;
    const chain = sink.tail.head?.chain ?? chainId(host, path ?? `process ${instance}`);
    const inFile = sink.tail.head ?? { chain, sequence: 0, mac: CHAIN_START };
    const stored = await this.#heads?.read(chain);
    if (stored == null || stored.sequence <= inFile.sequence) return inFile;
    if (inFile.sequence > 0) {
      const found = { path, sequence: inFile.sequence, stored: stored.sequence };
      logger.error(found, "the audit log lacks its last lines: the store knows a later one");
    }
    return { chain, sequence: stored.sequence, mac: Buffer.from(stored.head).toString("hex") };
  }

  /** Records a head once its line is on disk. Never rejects. */
  async record({ chain, sequence, mac }: ChainHead): Promise<void> {
    const { sink, logger } = this.#options;
    if (this.#heads === undefined || sequence === this.#recorded) return;
    try {
      await sink.sync();
      await this.#heads.record(chain, { sequence, head: Buffer.from(mac, "hex") });
      this.#recorded = sequence;
    } catch (err) {
      logger.warn({ err }, "the head of the audit log could not be recorded in the store");
    }
  }
}

/** The id of a new chain: 32 hex digits. A server that is started again with a new file at the same path has the same. */
function chainId(host: string, name: string): string {
  return createHash("sha256")
    .update(pae("audit-chain", host, name))
    .digest("hex")
    .slice(0, 32);
}
