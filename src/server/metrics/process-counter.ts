import type { Registry } from "prom-client";

/** A counter of the process that is exported as a metric. */
export interface ProcessCounter {
  readonly name: string;
  readonly help: string;
  value(): number;
}

/** Exports a counter, which is read at each scrape. */
export function addProcessCounter(
  { Counter }: Pick<typeof import("prom-client"), "Counter">,
  registers: Registry[],
  { name, help, value }: ProcessCounter,
): void {
  new Counter({
    name,
    help,
    registers,
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}
