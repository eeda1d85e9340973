/** Fixed seed, so that usual runs are repeatable. */
const USUAL_SEED = 20_261_128;

/**
 * The parameters of fast-check: `usual` runs with a fixed seed, or SEALWIRE_FC_RUNS runs with SEALWIRE_FC_SEED or a
 * random seed, which fast-check prints on failure.
 */
export function propertyRuns(usual: number): { readonly numRuns: number; readonly seed?: number } {
  const { SEALWIRE_FC_RUNS: runs, SEALWIRE_FC_SEED: seed } = process.env;
  if (runs === undefined) return { numRuns: usual, seed: USUAL_SEED };
  return { numRuns: Number(runs), ...(seed !== undefined && { seed: Number(seed) }) };
}
