/** Monotonic time in milliseconds with fractions, equal in all processes of the machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
