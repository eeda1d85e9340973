import { openSqliteStore } from "../../../src/store/sqlite/open.ts";

/* Owns the store at argv[2], and tells its parent once it does, until it is killed or the parent is gone. */
await openSqliteStore({ path: process.argv[2] ?? "" });
process.once("disconnect", () => process.exit());
process.send?.("ready");
