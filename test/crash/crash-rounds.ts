import { setTimeout as delay } from "node:timers/promises";
import { seededFraction } from "./seeded-random.ts";

/** How a job ended, as its owner sees it. `evidence` is whatever tells two outcomes apart: attempt, result, revision. */
export interface Ended {
  readonly jobId: string;
  readonly requestId: string;
  readonly evidence: string;
}

/** A process that accepts and runs jobs, and can be killed. */
export interface Victim {
  /** Starts a job under a request id; resolves with its id once it is accepted, rejects if the process dies first. */
  submit(requestId: string): Promise<string>;
  /** Every job there is that has ended. */
  ended(): Promise<readonly Ended[]>;
  /** How many jobs are not at their end. */
  open(): Promise<number>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  terminate(): Promise<number | null>;
}

/** What {@link runCrashRounds} is given. */
export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Longest life of a victim from its first submission, in milliseconds. */
  readonly lifeMs: number;
  start(): Promise<Victim>;
}

/** What {@link runCrashRounds} saw. */
export interface CrashReport {
  readonly accepted: number;
  readonly ended: number;
  /** Each broken promise in a sentence; none, if all is well. */
  readonly problems: readonly string[];
}

const SUBMITTERS = 8;
const SETTLE_LIMIT_MS = 120_000;

/**
 * Kills process after process at random moments while jobs start and run, then lets a last one finish. Checks that no
 * accepted job is lost, that each request has one job, that every job ends, and that no outcome ever changes.
 */
export async function runCrashRounds({ rounds, seed, lifeMs, start }: CrashOptions): Promise<CrashReport> {
  const fraction = seededFraction(seed);
  const accepted = new Map<string, string>();
  const outcomes = new Map<string, string>();
  const problems: string[] = [];
  let nextRequest = 0;
  let unanswered: string[] = [];

  const noteAccepted = (requestId: string, jobId: string) => {
    const before = accepted.get(requestId);
    if (before !== undefined && before !== jobId) problems.push(`${requestId} has two jobs: ${before} and ${jobId}`);
    accepted.set(requestId, jobId);
  };
  const noteEnded = (ended: readonly Ended[]) => {
    for (const { jobId, evidence } of ended) {
      const before = outcomes.get(jobId);
      if (before !== undefined && before !== evidence)
        problems.push(`${jobId} has two outcomes: ${before} and ${evidence}`);
      outcomes.set(jobId, evidence);
    }
  };

  for (let round = 0; round < rounds; round += 1) {
    const victim = await start();
    noteEnded(await victim.ended());
    const again = unanswered;
    unanswered = [];
    let dead = false;
    const submitters = Array.from({ length: SUBMITTERS }, async () => {
      while (!dead) {
        const requestId = again.pop() ?? `request-${nextRequest++}`;
        try {
          noteAccepted(requestId, await victim.submit(requestId));
        } catch {
          unanswered.push(requestId);
        }
      }
    });
    const looking = (async () => {
      while (!dead) {
        await victim.ended().then(noteEnded, () => {});
        await delay(20);
      }
    })();
    await delay(fraction() * lifeMs);
    dead = true;
    await victim.kill();
    await Promise.all([...submitters, looking]);
    unanswered.push(...again);
  }

  const last = await start();
  for (const requestId of unanswered) noteAccepted(requestId, await last.submit(requestId));
  const giveUpMs = performance.now() + SETTLE_LIMIT_MS;
  while ((await last.open()) > 0 && performance.now() < giveUpMs) await delay(50);
  const ended = await last.ended();
  noteEnded(ended);
  const endedIds = new Set(ended.map(({ jobId }) => jobId));
  for (const [requestId, jobId] of accepted)
    if (!endedIds.has(jobId)) problems.push(`${requestId} (${jobId}) was lost or never ended`);
  for (const { requestId, jobId } of ended) {
    if (accepted.get(requestId) !== jobId) problems.push(`${requestId} (${jobId}) ended though it was never accepted`);
  }
  const exitCode = await last.terminate();
  if (exitCode !== 0) problems.push(`the last process ended with ${exitCode}`);
  return { accepted: accepted.size, ended: endedIds.size, problems };
}
