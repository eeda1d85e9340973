/** Which layout the tables of a store have. */
export interface StoredLayout {
  /** The number of migrations that made it; 0: there are no tables. */
  readonly layout: number;
  /** The oldest layout whose software may use the store: what is only added to leaves it as it is. */
  readonly minReader: number;
}

/**
 * How a store's layout stands to the software's own: the same; `due`: to be migrated first; `newer`: migrated by newer
 * software and still usable; `incompatible`: not usable any more.
 */
export type LayoutState = "current" | "due" | "newer" | "incompatible";

/** Compares a store's layout with the one that this software makes. */
export function compareLayout({ layout, minReader }: StoredLayout, own: number): LayoutState {
  if (layout === own) return "current";
  if (layout < own) return "due";
  return minReader <= own ? "newer" : "incompatible";
}

/** The oldest layout whose software may use a store once these migrations were applied to it. */
export function minReaderAfter({ minReader }: StoredLayout, steps: readonly Pick<StoredLayout, "minReader">[]): number {
  return Math.max(minReader, ...steps.map((step) => step.minReader));
}

/** What `store migrate --check` finds out. */
export interface LayoutCheck {
  readonly stored: StoredLayout;
  /** The layout that this software makes. */
  readonly own: number;
  readonly state: LayoutState;
}

/** What a migration did. */
export interface Migration {
  /** The layout before; 0 if there was none. */
  readonly from: number;
  /** The layout now. */
  readonly to: number;
}

/** What the repair of a store's clock did; times in Unix milliseconds. */
export interface ClockRepair {
  /** Up to which stamp frames were refused before. */
  readonly beforeMs: number;
  /** Up to which stamp they are refused now. */
  readonly afterMs: number;
}
