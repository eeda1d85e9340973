/** The layout of a store's tables. */
export interface StoredLayout {
  /** Number of applied migrations; 0: there are no tables. */
  readonly layout: number;
  /**
   * The oldest layout whose software can still use the store. A migration that only adds to the layout leaves it
   * unchanged.
   */
  readonly minReader: number;
}

/**
 * A store's layout compared with the software's: `current`: equal; `due`: must be migrated first; `newer`: migrated by
 * newer software and still usable; `incompatible`: no longer usable.
 */
export type LayoutState = "current" | "due" | "newer" | "incompatible";

/** Compares a store's layout with the layout of this software. */
export function compareLayout({ layout, minReader }: StoredLayout, own: number): LayoutState {
  if (layout === own) return "current";
  if (layout < own) return "due";
  return minReader <= own ? "newer" : "incompatible";
}

/** The oldest layout whose software can use a store after these migrations. */
export function minReaderAfter({ minReader }: StoredLayout, steps: readonly Pick<StoredLayout, "minReader">[]): number {
  return Math.max(minReader, ...steps.map((step) => step.minReader));
}

/** The result of `store migrate --check`. */
export interface LayoutCheck {
  readonly stored: StoredLayout;
  /** The layout of this software. */
  readonly own: number;
  readonly state: LayoutState;
}

/** The result of a migration. */
export interface Migration {
  /** The layout before the migration; 0 if there was none. */
  readonly from: number;
  /** The layout after the migration. */
  readonly to: number;
}

/** The result of a clock repair. Times are in Unix milliseconds. */
export interface ClockRepair {
  /** Frames up to this timestamp were refused before. */
  readonly beforeMs: number;
  /** Frames up to this timestamp are refused now. */
  readonly afterMs: number;
}

/** How far ahead of a server's clock an accepted frame can have been, as a store has recorded it, in milliseconds. */
export interface AheadBound {
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Unix milliseconds: frames up to this timestamp are refused. Absent if the bound did not change, or no frame was accepted before. */
  readonly refusedUntilMs?: number;
}
