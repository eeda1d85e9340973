import type { Store } from "../../src/store/store.ts";
import type { SealwireTarget } from "./sealwire.ts";
import { sealwire } from "./sealwire.ts";
import type { Variant } from "./variant.ts";

/** The stores of Sealwire, with their titles and a function that opens an empty one. */
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

/** Name of a store in the names of variants. */
export type StoreName = keyof typeof stores;

/** Complete Sealwire (verification, replay protection, validation, signatures) on one of its stores. */
export function sealwireOn(name: StoreName): Variant<SealwireTarget> {
  const { title, open } = stores[name];
  return sealwire({ title, openStore: open });
}
