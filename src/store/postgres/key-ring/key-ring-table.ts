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

/** A ring as it stands in the table. */
export interface StoredRing {
  /** Rises with every change. */
  readonly version: number;
  readonly ring: SharedKeyRing;
}

interface Row {
  readonly version: number;
  readonly document: string;
}

/** What a {@link KeyRingTable} needs of a database. */
export type KeyRingDatabase = Pick<Database, "all" | "transaction"> & AsyncDisposable;

/** The key ring of all servers that share a store, without any secret. */
export class KeyRingTable implements AsyncDisposable {
  readonly #database: KeyRingDatabase;
  readonly #schema: string;

  constructor(database: KeyRingDatabase, schema: string) {
    this.#database = database;
    this.#schema = schema;
  }

  /** The ring, if there is one. Throws KEY_RING_INVALID. */
  async read(): Promise<StoredRing | undefined> {
    const [row] = await this.#database.all<Row>(READ);
    return row && toRing(row);
  }

  /** The ring's version; 0 if there is none. */
  async version(): Promise<number> {
    const [row] = await this.#database.all<Pick<Row, "version">>(READ_VERSION);
    return row?.version ?? 0;
  }

  /** Puts a first ring there. Throws OPTIONS_INVALID if there is one. */
  async create(ring: SharedKeyRing): Promise<void> {
    const created = await this.#database.all(CREATE, { document: formatSharedRing(ring) });
    if (created.length > 0) return;
    throw new SealwireError("OPTIONS_INVALID", "The database has a key ring already.\nChange that one.");
  }

  /** Changes the ring while nobody else does, and tells every server. Throws KEY_RING_INVALID if there is none. */
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

  /** Notes when keys were last used, Unix milliseconds by key id; the later time counts. */
  async recordUse(lastUse: ReadonlyMap<string, number>): Promise<void> {
    // In one order everywhere, so that two servers never wait for each other.
    const uses = [...lastUse].sort();
    await this.#database.all(RECORD_USE, { keyIds: uses.map(([keyId]) => keyId), times: uses.map(([, ms]) => ms) });
  }

  /** When each key was last used, as far as any server noted it. */
  async readUse(): Promise<Map<string, number>> {
    const rows = await this.#database.all<{ key_id: string; used_at_ms: number }>(READ_USE);
    return new Map(rows.map((row) => [row.key_id, row.used_at_ms]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }
}

/** The error of a database without a key ring. */
export function noKeyRing(): SealwireError {
  const toDo = "Make one with `sealwire keys add CLIENT --server-id NAME --store … --server-secret-file …`.";
  return new SealwireError("KEY_RING_INVALID", `The database has no key ring.\n${toDo}`);
}

function toRing({ version, document }: Row): StoredRing {
  return { version, ring: parseSharedRing(document) };
}
