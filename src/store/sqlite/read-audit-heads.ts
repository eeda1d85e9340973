import { existsSync } from "node:fs";
import { openDatabase } from "../../runtime/node-sqlite.ts";
import type { AuditHeadReader, RecordedAuditHead } from "../audit-heads.ts";
import { noStore, openError } from "./open-error.ts";
import { readLayout } from "./schema.ts";

/** The first layout that has heads. */
const FIRST_LAYOUT = 5;

/**
 * Opens an embedded store to read the heads of audit chains. A server may use the store. Throws OPTIONS_INVALID if there is
 * none, STORE_INCOMPATIBLE for a file of other software.
 */
export function readSqliteAuditHeads({ path }: { readonly path: string }): AuditHeadReader {
  if (!existsSync(path)) throw noStore(path);
  const query = "SELECT sequence, head, recorded_at_ms AS recordedAtMs FROM audit_chain WHERE chain_id = ?";
  const db = openDatabase(path, { readOnly: true });
  try {
    const find = readLayout(db, path).layout < FIRST_LAYOUT ? undefined : db.prepare(query);
    return {
      read: async (chainId) => (find?.get(chainId) as RecordedAuditHead | undefined) ?? null,
      async [Symbol.asyncDispose]() {
        db.close();
      },
    };
  } catch (thrown) {
    db.close();
    throw openError(path, thrown);
  }
}
