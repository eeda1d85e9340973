import { LAYOUT_1 } from "./layout-1.ts";
import { LAYOUT_2 } from "./layout-2.ts";
import { LAYOUT_3 } from "./layout-3.ts";
import { LAYOUT_4 } from "./layout-4.ts";

/** The migration from one layout to the next. */
export interface LayoutStep {
  readonly statements: readonly string[];
  /** The oldest layout whose software can use the store afterwards. */
  readonly minReader: number;
}

/** The migrations in order. Released migrations must not be changed. */
export const MIGRATIONS: readonly LayoutStep[] = [
  { statements: LAYOUT_1, minReader: 1 },
  { statements: LAYOUT_2, minReader: 1 },
  { statements: LAYOUT_3, minReader: 1 },
  { statements: LAYOUT_4, minReader: 1 },
];
