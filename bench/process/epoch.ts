/** Now as Unix milliseconds with their fraction: the same in all processes of a machine, to compare across them. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
