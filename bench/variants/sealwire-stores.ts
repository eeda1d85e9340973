import type { Store } from "../../src/store/store.ts";
import type { SealwireTarget } from "./sealwire.ts";
import { sealwire } from "./sealwire.ts";
import type { Variant } from "./variant.ts";

/** The stores that Sealwire runs on: how each is named in tables, and how an empty one is opened. */
export const stores = {
  sqlite: {
    title: "Sealwire on SQLite",
    open: async () => (await import("./temporary-store.ts")).openTemporaryStore(),
  },
  memory: {
    title: "Sealwire in memory",
    open: async () => (await import("../../src/store/sqlite/open.ts")).openSqliteStore({ path: ":memory:" }),
  },
  postgres: {
    title: "Sealwire on PostgreSQL",
    open: async () => (await import("./postgres-store.ts")).openBenchStore(),
  },
} satisfies Record<string, { readonly title: string; open(): Promise<Store> }>;

/** Name of a store, as it stands in the names of variants. */
export type StoreName = keyof typeof stores;

/** Sealwire in full (verified, claimed against replays, validated, signed) on one of its stores. */
export function sealwireOn(name: StoreName): Variant<SealwireTarget> {
  const { title, open } = stores[name];
  return sealwire({ title, openStore: open });
}
