import { STRAY_REASONS } from "./called-tools.ts";
import { type Noted, of } from "./history.ts";

/** Names of the servers of a cluster, by how they connect to it. */
const WAYS = ["through HAProxy", "all hosts in the URL"] as const;

/**
 * The figures of the faults of a cluster: for each fault and server the longest time between two accepted probes, in
 * seconds, and how often probes were refused, and calls of the traffic failed after their retries, for which reason.
 */
export function outages(history: readonly Noted[]): Readonly<Record<string, number>> {
  const figures: Record<string, number> = {};
  const probes = of(history, "probed");
  for (const { fault, beganMs, atMs } of of(history, "fault over")) {
    for (const [server, way] of WAYS.entries()) {
      const accepted = probes.filter((probe) => probe.server === server && probe.reason === undefined);
      const gaps = accepted.flatMap(({ atMs: endMs }, place) => {
        const startMs = accepted[place - 1]?.atMs ?? endMs;
        return endMs < beganMs || startMs > atMs ? [] : [endMs - startMs];
      });
      const name = `s without service, ${fault}, ${way}`;
      figures[name] = Math.max(figures[name] ?? 0, Math.round(Math.max(0, ...gaps) / 100) / 10);
    }
  }
  const count = (name: string): void => {
    figures[name] = (figures[name] ?? 0) + 1;
  };
  if (probes.length === 0) return figures;
  for (const { reason } of probes) if (reason !== undefined) count(`probes refused, ${reason}`);
  for (const { action, message } of of(history, "failed")) {
    const [reason = ""] = message.split(":", 1);
    if (!isStray(action, reason)) count(`calls failed, ${reason}`);
  }
  return figures;
}

/** True if a tool failed as it was told to. */
function isStray(action: string, reason: string): boolean {
  return action.startsWith("stray_call ") && STRAY_REASONS.has(reason);
}
