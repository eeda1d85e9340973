import { createHash } from "node:crypto";
import { type Reason, SealwireError } from "../../src/errors.ts";
import type { JobHandler, SubmitSpec } from "../../src/jobs/engine.ts";
import type { JobPolicy, JobState, JobView } from "../../src/jobs/job.ts";
import type { NonceClaim, Store } from "../../src/store/store.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { Suite } from "../support/suite.ts";

/** A storage engine that the contract tests. */
export interface EngineUnderTest {
  readonly name: string;
  /** Opens an empty store with the given clock. */
  open(clock: FakeClock): Promise<StoreUnderTest>;
  /** Resolves when all work is done that does not wait for the clock. */
  settled(): Promise<void>;
}

/** One store, with the failures that it must survive. */
export interface StoreUnderTest extends AsyncDisposable {
  /** The open store. The failures replace it. */
  readonly store: Store;
  /** Closes the store cleanly and opens it again. */
  restart(): Promise<void>;
  /** Simulates a kill -9 of the process, then opens the store again. */
  crash(): Promise<void>;
  /** Makes the engine refuse every result, as if it could not store it. */
  refuseResults(): Promise<void>;
  /** Simulates a power loss, then opens the store again. */
  losePower(): Promise<void>;
}

/** Opens a new store for every test of a suite. */
export class Bench {
  clock = new FakeClock();
  readonly #engine: EngineUnderTest;
  #current: StoreUnderTest | undefined;

  constructor(engine: EngineUnderTest, test: Suite) {
    this.#engine = engine;
    test.before.each(async () => {
      this.clock = new FakeClock();
      this.#current = await engine.open(this.clock);
    });
    test.after.each(async () => {
      await this.#current?.[Symbol.asyncDispose]();
      this.#current = undefined;
    });
  }

  get under(): StoreUnderTest {
    if (this.#current === undefined) throw new Error("no store is open");
    return this.#current;
  }

  get jobs() {
    return this.under.store.jobs;
  }

  get replay() {
    return this.under.store.replay;
  }

  /**
   * The result of a claim: true for a new nonce, false for a repeated one, or the reason why the store refuses to
   * decide.
   */
  async claim(claim: NonceClaim): Promise<boolean | Reason> {
    try {
      return await this.replay.claim(claim);
    } catch (error) {
      return SealwireError.from(error).reason;
    }
  }

  get operator() {
    return this.under.store.operator;
  }

  get intents() {
    return this.under.store.intents;
  }

  /** Resolves when all work is done that does not wait for the clock. */
  settled(): Promise<void> {
    return this.#engine.settled();
  }

  /** Submits a job of alice and returns it. */
  async submit(overrides: Partial<SubmitSpec> = {}): Promise<JobView> {
    return (await this.jobs.submit(spec(overrides))).job;
  }

  /** Runs jobs of the tool "echo". */
  work(handler: JobHandler, options: { concurrency?: number; perOwner?: number } = {}) {
    return this.jobs.work(new Map([["echo", handler]]), { concurrency: 10, ...options });
  }

  /** Resolves to the job when it is in `state`. Advances the clock by `stepMs` while it waits. */
  async reaches(state: JobState, job: JobView, stepMs = 0): Promise<JobView> {
    return eventually(`${job.requestId} becomes ${state}`, async () => {
      if (stepMs > 0) this.clock.advance(stepMs);
      const now = await this.jobs.get(job.owner, job.jobId);
      return now?.state === state && now;
    });
  }
}

/** A policy whose limits no test reaches. */
export const POLICY: JobPolicy = {
  priority: 0,
  executionTimeoutMs: 3_600_000,
  queueTimeoutMs: 86_400_000,
  heartbeatTimeoutMs: undefined,
  maxAttempts: 3,
  initialBackoffMs: 1_000,
  maxBackoffMs: 300_000,
  retentionMs: 86_400_000,
  cancelGraceMs: 10_000,
};

let requests = 0;

/** A submission by alice, with a new request id by default. */
export function spec(overrides: Partial<SubmitSpec> = {}): SubmitSpec {
  requests += 1;
  return {
    owner: "alice",
    requestId: `request-${requests}`,
    intentDigest: digest("echo"),
    tool: "echo",
    args: Buffer.from("args"),
    policy: POLICY,
    openJobsMax: 1_000,
    ...overrides,
  };
}

/** 32 bytes that depend on the text. */
export function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** A claim by alice for a frame with the time `tsMs`. */
export function nonceClaim(tsMs: number, text: string, overrides: Partial<NonceClaim> = {}): NonceClaim {
  return { clientId: "alice", nonce: digest(text), tsMs, ...overrides };
}

/** A handler that waits until it is released or its signal aborts, and reports that it runs. */
export class Gate {
  readonly started: string[] = [];
  readonly #open = new Map<string, () => void>();

  readonly handler: JobHandler = (run) => {
    this.started.push(run.requestId);
    return new Promise((resolve, reject) => {
      this.#open.set(run.requestId, () => resolve(Buffer.from(`result of ${run.requestId}`)));
      run.signal.addEventListener("abort", () => reject(run.signal.reason), { once: true });
    });
  };

  /** Number of handlers that have not returned. */
  get held(): number {
    return this.#open.size;
  }

  letGo(requestId: string): void {
    this.#open.get(requestId)?.();
    this.#open.delete(requestId);
  }
}
