import type { Noted } from "./history.ts";

/**
 * The events that a store must satisfy: the whole history, or, if the store was lost, the events of jobs and calls that
 * began after its last renewal. Empty if it was not renewed.
 */
export function afterLosses(history: readonly Noted[]): readonly Noted[] {
  const lost = history.findLastIndex(({ kind }) => kind === "store lost");
  if (lost === -1) return history;
  const renewed = history.findIndex(({ kind }, place) => kind === "store renewed" && place > lost);
  const renewal = history[renewed];
  if (renewal?.kind !== "store renewed") return [];
  // The journal of the handlers is added last and has its own times. An answer may be delayed.
  const isBefore = (event: Noted, place: number) => {
    if ("onMs" in event) return event.onMs < renewal.onMs;
    return place < renewed || ("askedMs" in event && event.askedMs < renewal.atMs);
  };
  const earlierJobs = new Set(history.filter(isBefore).flatMap((event) => ("jobId" in event ? [event.jobId] : [])));
  return history.filter(
    (event, place) =>
      event.kind === "struck" || (!isBefore(event, place) && !("jobId" in event && earlierJobs.has(event.jobId))),
  );
}
