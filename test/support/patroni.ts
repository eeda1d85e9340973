import { findPrograms } from "../../examples/high-availability/programs.ts";
import type { Suite } from "./suite.ts";

/** True if a cluster of Patroni can be started. Otherwise skips its tests with the reason, or fails in CI. */
export function hasPatroni(test: Suite): boolean {
  const programs = findPrograms();
  if (!("missing" in programs)) return true;
  const missing = programs.missing.join(", ");
  if (process.env.CI) throw new Error(`not installed: ${missing}; and CI skips nothing`);
  test.skip("a cluster of Patroni", `not installed: ${missing}`);
  return false;
}
