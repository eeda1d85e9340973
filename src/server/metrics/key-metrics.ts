import type { Registry } from "prom-client";
import type { Clock } from "../../runtime/clock.ts";
import { isUsable, type KeyRingSource } from "../../signing/key-ring/types.ts";

/** Adds the time until the first usable key of the ring expires. Without such a key the metric is missing. */
export function addKeyMetrics(
  { Gauge }: Pick<typeof import("prom-client"), "Gauge">,
  registers: Registry[],
  { keyRing, clock }: { readonly keyRing: Pick<KeyRingSource, "current"> | undefined; readonly clock: Clock },
): void {
  new Gauge({
    name: "sealwire_key_next_expiry_seconds",
    help: "Seconds until the next key that can be used expires; missing if none does.",
    registers,
    collect() {
      const nowMs = clock.nowMs();
      const usable = keyRing === undefined ? [] : [...keyRing.current().keys()].filter((key) => isUsable(key, nowMs));
      const nextMs = Math.min(...usable.map(({ notAfterMs = Number.POSITIVE_INFINITY }) => notAfterMs));
      if (Number.isFinite(nextMs)) this.set((nextMs - nowMs) / 1000);
      else this.remove();
    },
  });
}
