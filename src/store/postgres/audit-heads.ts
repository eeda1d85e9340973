import type { Clock } from "../../runtime/clock.ts";
import type { AuditHead, AuditHeads, RecordedAuditHead } from "../audit-heads.ts";
import type { Queries } from "./queries.ts";
import { sql } from "./statement.ts";

const RECORD = sql(`
  INSERT INTO audit_chain (chain_id, sequence, head, recorded_at_ms) VALUES (:chainId, :sequence, :head, :now)
  ON CONFLICT (chain_id) DO UPDATE
    SET sequence = excluded.sequence, head = excluded.head, recorded_at_ms = excluded.recorded_at_ms
    WHERE excluded.sequence >= audit_chain.sequence`);
const READ = sql('SELECT sequence, head, recorded_at_ms AS "recordedAtMs" FROM audit_chain WHERE chain_id = :chainId');

/** The {@link AuditHeads} of a shared store. */
export class PostgresAuditHeads implements AuditHeads {
  readonly #queries: Queries;
  readonly #clock: Clock;

  constructor(queries: Queries, clock: Clock) {
    this.#queries = queries;
    this.#clock = clock;
  }

  async record(chainId: string, { sequence, head }: AuditHead): Promise<void> {
    await this.#queries.all(RECORD, { chainId, sequence, head: Buffer.from(head), now: this.#clock.nowMs() });
  }

  async read(chainId: string): Promise<RecordedAuditHead | null> {
    const [found] = await this.#queries.all<RecordedAuditHead>(READ, { chainId });
    return found ?? null;
  }
}
