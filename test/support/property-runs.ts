/** Drawn once, so that the usual run is the same every time. */
const USUAL_SEED = 20_261_128;

/**
 * How often fast-check draws: `usual` times with a fixed seed; SEALWIRE_FC_RUNS times for a long run, with SEALWIRE_FC_SEED
 * or a seed of fast-check's own, which it prints when it fails.
 */
export function propertyRuns(usual: number): { readonly numRuns: number; readonly seed?: number } {
  const { SEALWIRE_FC_RUNS: runs, SEALWIRE_FC_SEED: seed } = process.env;
  if (runs === undefined) return { numRuns: usual, seed: USUAL_SEED };
  return { numRuns: Number(runs), ...(seed !== undefined && { seed: Number(seed) }) };
}
