import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../../runtime/clock.ts";
import type { AuditHead, AuditHeads, RecordedAuditHead } from "../audit-heads.ts";
import type { CommitGroup } from "./commit-group.ts";
import { reading } from "./storage-error.ts";

/** Options of a {@link SqliteAuditHeads}. */
export interface SqliteAuditHeadsOptions {
  readonly db: DatabaseSync;
  readonly commits: CommitGroup;
  readonly clock: Clock;
}

/** The {@link AuditHeads} of the embedded store. */
export class SqliteAuditHeads implements AuditHeads {
  readonly #options: SqliteAuditHeadsOptions;
  readonly #write: StatementSync;
  readonly #read: StatementSync;

  constructor(options: SqliteAuditHeadsOptions) {
    this.#options = options;
    this.#write = options.db.prepare(`
      INSERT INTO audit_chain (chain_id, sequence, head, recorded_at_ms) VALUES (?, ?, ?, ?)
      ON CONFLICT (chain_id) DO UPDATE
        SET sequence = excluded.sequence, head = excluded.head, recorded_at_ms = excluded.recorded_at_ms
        WHERE excluded.sequence >= audit_chain.sequence`);
    this.#read = options.db.prepare(
      "SELECT sequence, head, recorded_at_ms AS recordedAtMs FROM audit_chain WHERE chain_id = ?",
    );
  }

  async record(chainId: string, { sequence, head }: AuditHead): Promise<void> {
    const { commits, clock } = this.#options;
    await commits.run(() => this.#write.run(chainId, sequence, head, clock.nowMs()));
  }

  async read(chainId: string): Promise<RecordedAuditHead | null> {
    const found = reading(() => this.#read.get(chainId)) as RecordedAuditHead | undefined;
    return found === undefined ? null : { ...found };
  }
}
