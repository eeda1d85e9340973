import { SealwireError } from "../../errors.ts";
import { type Clock, sleep } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import type { JobHandler, JobHandlers, Worker, WorkOptions } from "../engine.ts";
import { HandBackError } from "../hand-back.ts";
import type { JobProgress } from "../job.ts";
import { toJobError } from "../job-error.ts";
import { Attempt } from "./attempt.ts";
import type { AttemptOutcome, AttemptStore, ClaimedAttempt } from "./attempt-store.ts";
import type { AttemptEndKind } from "./job-observer.ts";

/** Polling interval for ready jobs and cancellations, in milliseconds. */
const POLL_MS = 5_000;
/** Delay before another attempt to record an outcome, in milliseconds. */
const SETTLE_RETRY_MS = 500;

/** Options of a {@link JobWorker}. */
export interface JobWorkerOptions extends WorkOptions {
  readonly attemptStore: AttemptStore;
  readonly handlers: JobHandlers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Claims attempts from an attempt store and runs them, up to its concurrency limits. */
export class JobWorker implements Worker {
  readonly #options: JobWorkerOptions;
  readonly #attempts = new Map<string, { readonly attempt: Attempt; readonly ended: Promise<void> }>();
  readonly #subscriptions: readonly (Disposable | undefined)[];
  /** Detects cancellations whose notification was lost, and attempts that count as lost. */
  readonly #review: AsyncDisposable;
  #wakeUp: Disposable | undefined;
  #claiming: Promise<void> | undefined;
  #claimAgain = false;
  /** Jobs that were cancelled during a claim that may return them. */
  readonly #cancelledEarly = new Set<string>();
  #stopping = false;
  #cutOff = false;

  constructor(options: JobWorkerOptions) {
    this.#options = options;
    this.#subscriptions = [
      options.attemptStore.listen({
        jobReady: () => this.#claim(),
        cancelRequested: (jobId) => this.#cancel(jobId),
      }),
      options.handlers.onMore?.(() => this.#claim()),
    ];
    this.#review = runPeriodically(options.clock, POLL_MS, () => this.#reviewAttempts());
    this.#claim();
  }

  get running(): number {
    return this.#attempts.size;
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const subscription of this.#subscriptions) subscription?.[Symbol.dispose]();
    this.#wakeUp?.[Symbol.dispose]();
    for (const { attempt } of this.#attempts.values()) attempt.drain();
    const cutOff = () => this.#cutOffAll();
    using _grace = graceMs > 0 ? this.#options.clock.after(graceMs, cutOff) : undefined;
    // Even without a grace period, handlers may react to their signal in this event loop turn.
    if (graceMs <= 0) setImmediate(cutOff);
    await this.#claiming;
    await Promise.all([...this.#attempts.values()].map(({ ended }) => ended));
    await this.#review[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(0);
  }

  #cutOffAll(): void {
    this.#cutOff = true;
    for (const { attempt } of this.#attempts.values()) attempt.cutOff();
  }

  /** Claims jobs up to the free capacity. Only one claim is pending at a time. */
  #claim(): void {
    if (this.#stopping || this.#room() <= 0) return;
    this.#claimAgain = this.#claiming !== undefined;
    this.#claiming ??= this.#claimOnce().finally(() => {
      this.#claiming = undefined;
      this.#cancelledEarly.clear();
      if (this.#claimAgain) this.#claim();
    });
  }

  #room(): number {
    const { concurrency, handlers } = this.#options;
    return Math.min(concurrency - this.#attempts.size, handlers.room?.() ?? Number.POSITIVE_INFINITY);
  }

  async #claimOnce(): Promise<void> {
    const { attemptStore, handlers, perOwner } = this.#options;
    this.#wakeUp?.[Symbol.dispose]();
    let waitMs = POLL_MS;
    const count = this.#room();
    try {
      const { attempts, nextDueInMs = POLL_MS } = await attemptStore.claim({
        handles: (tool) => handlers.has(tool),
        count,
        perOwner,
      });
      for (const claimed of attempts) this.#start(claimed);
      waitMs = Math.min(waitMs, nextDueInMs);
      // The limit of a tool's host may have ended the claim before the worker was full.
      if (attempts.length === count) this.#claimAgain = true;
    } catch (error) {
      if (SealwireError.from(error).reason !== "UNAVAILABLE")
        this.#options.logger.error({ err: error }, "claiming jobs failed");
    }
    if (!this.#stopping) this.#wakeUp = this.#options.clock.after(waitMs, () => this.#claim());
  }

  #cancel(jobId: string): void {
    const running = this.#attempts.get(jobId);
    if (running !== undefined) running.attempt.cancel();
    else if (this.#claiming !== undefined) this.#cancelledEarly.add(jobId);
  }

  async #reviewAttempts(): Promise<void> {
    if (this.#attempts.size === 0) return;
    // The job of an attempt may have another one when the answer comes.
    const running = new Map([...this.#attempts].map(([jobId, { attempt }]) => [jobId, attempt]));
    const { cancelRequested, replaced } = await this.#options.attemptStore.review(
      [...running.values()].map(({ claimed }) => claimed),
    );
    for (const jobId of cancelRequested) this.#cancel(jobId);
    for (const jobId of replaced) running.get(jobId)?.lose();
  }

  #start(claimed: ClaimedAttempt): void {
    const { jobId, tool } = claimed;
    const attempt = new Attempt({
      claimed,
      handler: this.#options.handlers.get(tool) ?? handlerGone,
      clock: this.#options.clock,
      logger: this.#options.logger.child(namesOf(claimed)),
      recordProgress: (progress) => {
        // A report that fails while the store is unavailable is recorded when the attempt is settled.
        this.#options.attemptStore.recordProgress(claimed, progress).catch(() => {});
      },
    });
    const ended = this.#runToItsEnd(attempt).finally(() => {
      if (this.#attempts.get(jobId)?.attempt === attempt) this.#attempts.delete(jobId);
      this.#claim();
    });
    // This process had lost its lease, and has claimed the job of an attempt that it still runs.
    this.#attempts.get(jobId)?.attempt.lose();
    this.#attempts.set(jobId, { attempt, ended });
    if (this.#cancelledEarly.has(jobId)) attempt.cancel();
    if (this.#stopping) attempt.drain();
    if (this.#cutOff) attempt.cutOff();
  }

  async #runToItsEnd(attempt: Attempt): Promise<void> {
    const { handlers, clock } = this.#options;
    const { tool, dueAtMs } = attempt.claimed;
    const startedMs = clock.monotonicMs();
    handlers.observer?.attemptStarted?.(tool, Math.max(0, clock.nowMs() - dueAtMs));
    const end = await this.#runAndSettle(attempt);
    handlers.observer?.attemptEnded?.(tool, end, clock.monotonicMs() - startedMs);
  }

  /** Returns how the attempt has ended in the store. */
  async #runAndSettle(attempt: Attempt): Promise<AttemptEndKind> {
    let ending: AttemptEnd = { outcome: await attempt.run(), progress: attempt.progress };
    for (;;) {
      const settled = await this.#settle(attempt, ending);
      if (settled === "done") return ending.outcome.kind;
      if (settled === "lost") return "lost";
      if (settled === "unrecordable") ending = { outcome: UNRECORDABLE, progress: undefined };
      else await sleep(this.#options.clock, SETTLE_RETRY_MS);
    }
  }

  /**
   * Returns "done" if the outcome was recorded, "lost" if it was refused as outdated or given up, and "unrecordable" if
   * the store can never record it.
   */
  async #settle({ claimed }: Attempt, { outcome, progress }: AttemptEnd): Promise<Settled> {
    const { attemptStore, logger } = this.#options;
    try {
      const recorded = await attemptStore.settle(claimed, outcome, progress);
      if (recorded) return "done";
      logger.warn(namesOf(claimed), "an outcome came too late and is discarded");
      return "lost";
    } catch (error) {
      const isAway = SealwireError.from(error).reason === "UNAVAILABLE";
      if (isAway && !this.#cutOff) return "away";
      if (!isAway && outcome !== UNRECORDABLE) {
        logger.error({ err: error, ...namesOf(claimed) }, "the outcome of a job cannot be recorded; the job fails");
        return "unrecordable";
      }
      logger.error(
        { err: error, ...namesOf(claimed) },
        "the outcome of a job could not be recorded; its attempt is lost",
      );
      attemptStore.drop(claimed);
      return "lost";
    }
  }
}

/** The fields of log lines about an attempt. */
function namesOf({ jobId, attempt, tool, owner }: ClaimedAttempt): Record<string, string | number> {
  return { job_id: jobId, attempt, tool, client: owner };
}

/** Runs a job whose tool was removed after the claim. */
const handlerGone: JobHandler = async ({ tool }) => {
  throw new HandBackError(`the tool "${tool}" is no longer served`, { began: false, delayMs: 1_000 });
};

type Settled = "done" | "lost" | "away" | "unrecordable";

/** The outcome and the last progress of an attempt. */
interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  readonly progress: JobProgress | undefined;
}

/** Replaces an outcome that the store can never record. Another attempt would have the same outcome. */
const UNRECORDABLE: AttemptOutcome = {
  kind: "failed",
  error: toJobError(
    new SealwireError(
      "INTERNAL",
      "The job ran, but the store cannot record its outcome; the server's log has the details.",
    ),
  ),
  retry: false,
};
