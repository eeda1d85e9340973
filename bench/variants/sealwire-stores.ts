import { sealwire } from "./sealwire.ts";

/* Sealwire in full (verified, claimed against replays, validated, signed) on each of its stores. */

/** On a SQLite file. */
export const sealwireOnSqlite = sealwire({ title: "Sealwire on SQLite" });

/** With everything in memory. */
export const sealwireInMemory = sealwire({
  title: "Sealwire in memory",
  openStore: async () => (await import("../../src/jobs/sqlite/open.ts")).openSqliteStore({ path: ":memory:" }),
});
