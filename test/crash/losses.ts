import type { Noted } from "./history.ts";

/**
 * What a store may be held to: all of its history, or, where it was lost, what belongs to jobs and calls that came up
 * after it was last renewed. Nothing if it was not renewed.
 */
export function afterLosses(history: readonly Noted[]): readonly Noted[] {
  const lost = history.findLastIndex(({ kind }) => kind === "store lost");
  if (lost === -1) return history;
  const renewed = history.findIndex(({ kind }, place) => kind === "store renewed" && place > lost);
  const renewal = history[renewed];
  if (renewal?.kind !== "store renewed") return [];
  // What handlers wrote down is noted last and has times of its own; an answer may be on its way for long.
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
