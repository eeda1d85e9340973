import { SealwireError } from "../../../errors.ts";
import { formatSharedRing, parseSharedRing, type SharedKeyRing } from "../../../signing/key-ring/document.ts";
import type { Database } from "../database.ts";
import { keyRingPayload } from "../notifications.ts";
import { sql } from "../statement.ts";

const READ = sql("SELECT version, document FROM key_ring");
const READ_FOR_UPDATE = sql("SELECT version, document FROM key_ring FOR UPDATE");
const READ_VERSION = sql("SELECT version FROM key_ring");
const CREATE = sql("INSERT INTO key_ring VALUES (true, 1, :document) ON CONFLICT DO NOTHING RETURNING version");
const WRITE = sql("UPDATE key_ring SET version = version + 1, document = :document RETURNING version");
const NOTIFY = sql("SELECT pg_notify(:schema, :payload)");
const RECORD_USE = sql(`
  INSERT INTO key_use SELECT * FROM unnest(:keyIds::text[], :times::bigint[])
  ON CONFLICT (key_id) DO UPDATE SET used_at_ms = greatest(key_use.used_at_ms, excluded.used_at_ms)`);
const READ_USE = sql("SELECT key_id, used_at_ms FROM key_use");

/** A key ring in the table. */
export interface StoredRing {
  /** Incremented with every change. */
  readonly version: number;
  readonly ring: SharedKeyRing;
}

interface Row {
  readonly version: number;
  readonly document: string;
}

/** The database operations of a {@link KeyRingTable}. */
export type KeyRingDatabase = Pick<Database, "all" | "transaction"> & AsyncDisposable;

/** The key ring of all servers that share a store, without secrets. */
export class KeyRingTable implements AsyncDisposable {
  readonly #database: KeyRingDatabase;
  readonly #schema: string;

  constructor(database: KeyRingDatabase, schema: string) {
    this.#database = database;
    this.#schema = schema;
  }

  /** Reads the ring; `undefined` if there is none. Throws KEY_RING_INVALID. */
  async read(): Promise<StoredRing | undefined> {
    const [row] = await this.#database.all<Row>(READ);
    return row && toRing(row);
  }

  /** Reads the ring's version; 0 if there is none. */
  async version(): Promise<number> {
    const [row] = await this.#database.all<Pick<Row, "version">>(READ_VERSION);
    return row?.version ?? 0;
  }

  /** Creates the ring. Throws OPTIONS_INVALID if there is one. */
  async create(ring: SharedKeyRing): Promise<void> {
    const created = await this.#database.all(CREATE, { document: formatSharedRing(ring) });
    if (created.length > 0) return;
    throw new SealwireError("OPTIONS_INVALID", "The database already has a key ring.\nChange that one instead.");
  }

  /** Changes the ring atomically and notifies every server. Throws KEY_RING_INVALID if there is none. */
  edit(change: (ring: SharedKeyRing) => Promise<SharedKeyRing>): Promise<SharedKeyRing> {
    return this.#database.transaction(async (queries) => {
      const [row] = await queries.all<Row>(READ_FOR_UPDATE);
      if (row === undefined) throw noKeyRing();
      const changed = await change(toRing(row).ring);
      await queries.all(WRITE, { document: formatSharedRing(changed) });
      await queries.all(NOTIFY, { schema: this.#schema, payload: keyRingPayload() });
      return changed;
    });
  }

  /** Records the last use of keys, Unix milliseconds by key id. Keeps the later time. */
  async recordUse(lastUse: ReadonlyMap<string, number>): Promise<void> {
    // Sorted, so that servers lock the rows in the same order and cannot deadlock.
    const uses = [...lastUse].sort();
    await this.#database.all(RECORD_USE, { keyIds: uses.map(([keyId]) => keyId), times: uses.map(([, ms]) => ms) });
  }

  /** Reads the last use of each key on any server. */
  async readUse(): Promise<Map<string, number>> {
    const rows = await this.#database.all<{ key_id: string; used_at_ms: number }>(READ_USE);
    return new Map(rows.map((row) => [row.key_id, row.used_at_ms]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }
}

/** The error for a database without a key ring. */
export function noKeyRing(): SealwireError {
  const toDo = "Make one with `sealwire keys add CLIENT --server-id NAME --store … --server-secret-file …`.";
  return new SealwireError("KEY_RING_INVALID", `The database has no key ring.\n${toDo}`);
}

function toRing({ version, document }: Row): StoredRing {
  return { version, ring: parseSharedRing(document) };
}
