/** Milliseconds since some moment, with their fraction: the same in all processes of a machine, and never set. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
