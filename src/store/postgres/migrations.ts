import { LAYOUT_1 } from "./layout-1.ts";
import { LAYOUT_2 } from "./layout-2.ts";

/** What leads from one layout to the next. */
export interface LayoutStep {
  readonly statements: readonly string[];
  /** The oldest layout whose software may use the store afterwards. */
  readonly minReader: number;
}

/** The steps in their order. What was released is never changed, only added to. */
export const MIGRATIONS: readonly LayoutStep[] = [
  { statements: LAYOUT_1, minReader: 1 },
  { statements: LAYOUT_2, minReader: 1 },
];
