import { readdirSync, readFileSync } from "node:fs";
import type { Client } from "pg";

/** Linux counts CPU time in hundredths of a second. */
const TICK_US = 10_000;

/** The resource usage of a PostgreSQL server and the size of a schema. */
export interface Spent {
  /** User and system CPU time of all its processes, in microseconds. */
  readonly cpuUs: number;
  /** Bytes written to the write-ahead log. */
  readonly walBytes: number;
  /** Size of the schema's tables and indexes in bytes. */
  readonly keptBytes: number;
}

/** Reads the resource usage of a PostgreSQL server on this machine (Linux). */
export class DatabaseMeter {
  readonly #client: Client;
  readonly #schema: string;
  readonly #postmaster: number;

  private constructor(client: Client, schema: string, postmaster: number) {
    this.#client = client;
    this.#schema = schema;
    this.#postmaster = postmaster;
  }

  /** Creates a meter for one schema that uses this connection. */
  static async of(client: Client, schema: string): Promise<DatabaseMeter> {
    const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
    return new DatabaseMeter(client, schema, statOf(rows[0].pid)?.parent ?? 0);
  }

  async read(): Promise<Spent> {
    const { rows } = await this.#client.query(
      `SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS wal,
              (SELECT sum(pg_total_relation_size(c.oid))::float8
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relkind = 'r') AS kept`,
      [this.#schema],
    );
    return { cpuUs: this.#cpuUs(), walBytes: rows[0].wal, keptBytes: rows[0].kept };
  }

  #cpuUs(): number {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const stats = pids.flatMap((pid) => statOf(Number(pid)) ?? []);
    const own = stats.filter(({ pid, parent }) => pid === this.#postmaster || parent === this.#postmaster);
    const ended = own.find(({ pid }) => pid === this.#postmaster)?.childTicks ?? 0;
    return (own.reduce((sum, { ticks }) => sum + ticks, 0) + ended) * TICK_US;
  }
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  /** CPU time of ended child processes. */
  readonly childTicks: number;
}

/** `undefined` if the process has ended. */
function statOf(pid: number): Stat | undefined {
  try {
    // The program's name, in parentheses, may contain spaces.
    const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "").split(" ").map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return { pid, parent, ticks: user + system, childTicks: childUser + childSystem };
  } catch {
    return undefined;
  }
}
