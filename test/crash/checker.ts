import type { JobState } from "../../src/jobs/job.ts";
import { isTerminal } from "../../src/jobs/transitions.ts";
import { attemptsRecorded } from "./attempts-checker.ts";
import { FRAME_REQUEST, type Noted, type Of, of, type Sighting } from "./history.ts";
import { afterLosses } from "./losses.ts";

/**
 * How long after a fault attempts may still be lost: a lease that was not renewed expires, and a process that notices it has
 * renewed its own for as long.
 */
const LINGERS_MS = 25_000;

/** Checks a complete history. Returns a sentence for each broken promise. */
export function violations(history: readonly Noted[]): string[] {
  const kept = afterLosses(history);
  const found = [
    ...of(history, "ended by itself").map(({ process, said }) => `${process} ended by itself: ${said}`),
    ...of(history, "unexpected").map(({ message }) => message),
    ...takenBack(history),
    ...framesOnce(history),
    ...startedOnce(kept),
    ...neverLost(kept),
    ...endedOnce(kept),
    ...neverBack(kept),
    ...watchedToTheEnd(kept),
    ...toldEveryEnd(kept),
    ...ofOneAttempt(kept),
    ...takenForAReason(kept),
    ...effectsOnce(kept),
    ...answeredOnce(kept, history),
    ...countedForAReason(kept),
    ...attemptsRecorded(kept),
  ];
  return [...new Set(found)];
}

/** An answer about a job is not taken back, unless the store was lost in between. */
function takenBack(history: readonly Noted[]): string[] {
  const lostMs = of(history, "store lost")[0]?.atMs ?? Number.POSITIVE_INFINITY;
  return of(history, "taken back").flatMap(({ atMs, message }) => (atMs < lostMs ? [message] : []));
}

/** Each (client, request id) has one job in all answers, and each job has one (client, request id). */
function startedOnce(history: readonly Noted[]): string[] {
  const byRequest = new Map<string, string>();
  return [...of(history, "started"), ...of(history, "at rest")].flatMap(({ client, requestId, jobId }) => {
    const request = `${client}'s request ${requestId}`;
    const before = byRequest.get(request) ?? jobId;
    byRequest.set(request, before);
    return before === jobId ? [] : [`${request} has two jobs: ${before} and ${jobId}`];
  });
}

/** An acknowledged job is found by every later request, and at the end. */
function neverLost(history: readonly Noted[]): string[] {
  const atRest = new Set(of(history, "at rest").map(({ jobId }) => jobId));
  const acknowledged = new Set(of(history, "started").map(({ jobId }) => jobId));
  return [
    ...[...acknowledged].filter((jobId) => !atRest.has(jobId)).map((jobId) => `${jobId} was accepted and is lost`),
    ...of(history, "absent").map(({ jobId }) => `${jobId} was accepted and then denied`),
  ];
}

/** Every job ends in one state with one outcome, and has a result exactly if it succeeded. */
function endedOnce(history: readonly Noted[]): string[] {
  const ends = new Map<string, string>();
  const found: string[] = [];
  for (const event of sightings(history)) {
    // The stream of all jobs contains no outcomes.
    if (!isTerminal(event.state) || event.kind === "told") continue;
    const end = shown(event);
    const before = ends.get(event.jobId) ?? end;
    ends.set(event.jobId, before);
    if (before !== end) found.push(`${event.jobId} has two ends: ${before} and ${end}`);
  }
  for (const { jobId, state, keptResult } of of(history, "at rest")) {
    if (!isTerminal(state)) found.push(`${jobId} never ended: it is ${state}`);
    if (keptResult !== (state === "SUCCEEDED"))
      found.push(`${jobId} is ${state} and ${keptResult ? "a" : "no"} result of it is recorded`);
  }
  return found;
}

/** A revision has one state, and a later request receives no older revision. */
function neverBack(history: readonly Noted[]): string[] {
  const stateAt = new Map<string, JobState>();
  const found: string[] = [];
  for (const { jobId, revision, state } of sightings(history)) {
    const before = stateAt.get(`${jobId} ${revision}`) ?? state;
    stateAt.set(`${jobId} ${revision}`, before);
    if (before !== state) found.push(`${jobId} is both ${before} and ${state} at revision ${revision}`);
  }
  for (const [jobId, answers] of byJob(of(history, "saw"))) {
    for (const { askedMs, revision } of answers) {
      const known = Math.max(0, ...answers.filter(({ atMs }) => atMs < askedMs).map((answer) => answer.revision));
      if (revision < known) found.push(`${jobId} was at revision ${known}, and who asked after that heard ${revision}`);
    }
  }
  return found;
}

/** The revisions of a watch only increase, and a watch that has ended has received the job's end. */
function watchedToTheEnd(history: readonly Noted[]): string[] {
  const ends = new Map(of(history, "at rest").map((end) => [end.jobId, shown(end)]));
  const last = new Map<string, Of<"watched">>();
  const found: string[] = [];
  for (const seen of of(history, "watched")) {
    const before = last.get(seen.watch);
    last.set(seen.watch, seen);
    if (before !== undefined && seen.revision <= before.revision)
      found.push(`a watcher of ${seen.jobId} saw revision ${seen.revision} after ${before.revision}`);
    if (before !== undefined && isTerminal(before.state))
      found.push(`a watcher of ${seen.jobId} saw ${seen.state} after ${before.state}`);
  }
  for (const { watch, jobId } of of(history, "watch ended")) {
    const seen = last.get(watch);
    const end = seen === undefined ? "nothing" : shown(seen);
    if (end !== ends.get(jobId)) found.push(`a watcher of ${jobId} saw ${end} last, but its end is ${ends.get(jobId)}`);
  }
  return found;
}

/** The stream of all jobs contains the end of each job, and no decreasing revision. */
function toldEveryEnd(history: readonly Noted[]): string[] {
  const last = new Map<string, Sighting>();
  const found: string[] = [];
  for (const told of of(history, "told")) {
    const before = last.get(told.jobId);
    if (before !== undefined && told.revision < before.revision)
      found.push(`the stream of all jobs told of ${told.jobId} at revision ${told.revision} after ${before.revision}`);
    last.set(told.jobId, told);
  }
  const complete = new Set(of(history, "told all").map(({ client }) => client));
  for (const { jobId, client, state, revision } of of(history, "at rest")) {
    const told = last.get(jobId);
    if (complete.has(client) && (told?.state !== state || told.revision !== revision))
      found.push(`the stream of all jobs told of ${jobId} as ${told?.state} last, but its end is ${state}`);
  }
  return found;
}

/** A recorded result is the one that the handler returned in the attempt that the job names, which began once. */
function ofOneAttempt(history: readonly Noted[]): string[] {
  const returned = new Set(
    of(history, "attempt returned").map(({ jobId, attempt, outcome }) => `${jobId} ${attempt} ${outcome}`),
  );
  const begun = new Set<string>();
  const found: string[] = [];
  for (const { jobId, attempt } of of(history, "attempt began")) {
    if (begun.has(`${jobId} ${attempt}`)) found.push(`attempt ${attempt} of ${jobId} began twice`);
    begun.add(`${jobId} ${attempt}`);
  }
  for (const { jobId, state, attempt, outcome } of of(history, "at rest")) {
    if (state === "SUCCEEDED" && !returned.has(`${jobId} ${attempt} ${outcome}`))
      found.push(`${jobId} has a result (${outcome}) that its attempt ${attempt} did not return`);
  }
  return found;
}

/** An attempt of a process without a fault is not lost: another attempt begins only after a failure or a fault. */
function takenForAReason(history: readonly Noted[]): string[] {
  const failed = new Set(of(history, "attempt failed").map(({ jobId, attempt }) => `${jobId} ${attempt}`));
  const strikes = of(history, "struck");
  const found: string[] = [];
  for (const [jobId, begun] of byJob(of(history, "attempt began"))) {
    begun.forEach(({ attempt, pid, onMs }, place) => {
      const next = begun[place + 1];
      if (next === undefined || failed.has(`${jobId} ${attempt}`)) return;
      const explains = (strike: Of<"struck">) =>
        (strike.pid ?? pid) === pid && strike.toMs > onMs - LINGERS_MS && strike.fromMs <= next.onMs;
      if (!strikes.some(explains))
        found.push(`attempt ${attempt} of ${jobId} was taken from its process, which nothing had struck`);
    });
  }
  return found;
}

/** A nonce is accepted once, and the call in its frame takes effect once, even if the store was lost. */
function framesOnce(history: readonly Noted[]): string[] {
  const effects = of(history, "took effect").filter(({ requestId }) => requestId.startsWith(FRAME_REQUEST));
  return [
    ...atMostOnce(of(history, "frame accepted").map(({ frame }) => `frame ${frame} was accepted`)),
    ...effectsOnce(effects),
  ];
}

/** An intent takes effect once. */
function effectsOnce(history: readonly Noted[]): string[] {
  const effects = of(history, "took effect");
  return atMostOnce(effects.map(({ client, requestId }) => `${client}'s request ${requestId} took effect`));
}

/** The answers about an intent agree with each other and with an effect, and a repeatable intent has an answer. */
function answeredOnce(kept: readonly Noted[], history: readonly Noted[]): string[] {
  const intentOf = (event: { readonly client: string; readonly requestId: string }) =>
    `${event.client}'s request ${event.requestId}`;
  const effects = new Set(of(history, "took effect").map((event) => `${intentOf(event)} ${event.outcome}`));
  const first = new Map<string, Of<"answered">>();
  const found: string[] = [];
  for (const answer of of(kept, "answered")) {
    const intent = intentOf(answer);
    const { outcome, askedMs } = answer;
    const before = first.get(intent);
    if (outcome === undefined) {
      if (before !== undefined && before.atMs < askedMs)
        found.push(`${intent} was answered, and its outcome then unknown`);
      continue;
    }
    first.set(intent, before ?? answer);
    if (before !== undefined && before.outcome !== outcome)
      found.push(`${intent} was answered with ${before.outcome} and with ${outcome}`);
    if (!effects.has(`${intent} ${outcome}`))
      found.push(`${intent} was answered with ${outcome}, which no run returned`);
  }
  const unanswered = of(kept, "called").filter((call) => call.isRepeatable && !first.has(intentOf(call)));
  return [...found, ...unanswered.map((call) => `${intentOf(call)} was never answered`)];
}

/** Where nothing but drains happened, only attempts that failed by themselves count as failures. */
function countedForAReason(history: readonly Noted[]): string[] {
  if (of(history, "struck").some(({ isDrain }) => isDrain !== true)) return [];
  const failed = byJob(of(history, "attempt failed"));
  return of(history, "at rest").flatMap(({ jobId, failures }) =>
    failures > (failed.get(jobId)?.length ?? 0) ? [`${jobId} has ${failures} failures, and nothing but drains`] : [],
  );
}

function atMostOnce(happened: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const what of happened) counts.set(what, (counts.get(what) ?? 0) + 1);
  return [...counts].filter(([, times]) => times > 1).map(([what, times]) => `${what} ${times} times`);
}

function sightings(history: readonly Noted[]): (Sighting & Noted)[] {
  return history.filter((event): event is Sighting & Noted => "revision" in event);
}

function byJob<T extends { readonly jobId: string }>(events: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const event of events) {
    const group = groups.get(event.jobId);
    if (group === undefined) groups.set(event.jobId, [event]);
    else group.push(event);
  }
  return groups;
}

function shown({ state, revision, attempt, outcome }: Sighting): string {
  return `${state} at revision ${revision} of attempt ${attempt} (${outcome})`;
}
