import { createHash } from "node:crypto";
import { type Reason, SealwireError } from "../../src/errors.ts";
import type { JobHandler, SubmitSpec } from "../../src/jobs/engine.ts";
import type { JobPolicy, JobState, JobView } from "../../src/jobs/job.ts";
import type { NonceClaim, Store } from "../../src/store/store.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { Suite } from "../support/suite.ts";

/** What a storage engine brings along to be tested by the contract. */
export interface EngineUnderTest {
  readonly name: string;
  /** Opens an empty store on the given clock. */
  open(clock: FakeClock): Promise<StoreUnderTest>;
  /** Resolves once everything has run that needs no time of the clock to pass. */
  settled(): Promise<void>;
}

/** One store, with the accidents that it must survive. */
export interface StoreUnderTest extends AsyncDisposable {
  /** The store as it is open now; the accidents replace it. */
  readonly store: Store;
  /** Closes the store in good order and opens it again. */
  restart(): Promise<void>;
  /** Does what kill -9 of the process would, then opens the store again. */
  crash(): Promise<void>;
  /** Has the engine refuse every result, as it does what it cannot hold. */
  refuseResults(): Promise<void>;
  /** Does what a loss of power would, then opens the store again. */
  losePower(): Promise<void>;
}

/** A fresh store for every test of a suite. */
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

  /** What a claim comes to: true if it is new, false for a repeat, or the reason why the store does not say. */
  async claim(claim: NonceClaim): Promise<boolean | Reason> {
    try {
      return await this.replay.claim(claim);
    } catch (error) {
      return SealwireError.from(error).reason;
    }
  }

  get intents() {
    return this.under.store.intents;
  }

  /** Resolves once everything has run that needs no time of the clock to pass. */
  settled(): Promise<void> {
    return this.#engine.settled();
  }

  /** Submits a job of alice's and gives it back. */
  async submit(overrides: Partial<SubmitSpec> = {}): Promise<JobView> {
    return (await this.jobs.submit(spec(overrides))).job;
  }

  /** Runs jobs of the tool "echo". */
  work(handler: JobHandler, options: { concurrency?: number; perOwner?: number } = {}) {
    return this.jobs.work(new Map([["echo", handler]]), { concurrency: 10, ...options });
  }

  /** The job once it is in `state`, with time passing meanwhile if `stepMs` says so. */
  async reaches(state: JobState, job: JobView, stepMs = 0): Promise<JobView> {
    return eventually(`${job.requestId} becomes ${state}`, async () => {
      if (stepMs > 0) this.clock.advance(stepMs);
      const now = await this.jobs.get(job.owner, job.jobId);
      return now?.state === state && now;
    });
  }
}

/** A policy whose limits do not get in a test's way. */
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

/** A submission by alice; its request id is new unless given. */
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

/** 32 bytes that differ from text to text. */
export function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** A claim by alice of a frame stamped `tsMs`. */
export function nonceClaim(tsMs: number, text: string, overrides: Partial<NonceClaim> = {}): NonceClaim {
  return { clientId: "alice", nonce: digest(text), tsMs, ...overrides };
}

/** A handler that waits until it is let go or its signal aborts, and tells when it runs. */
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

  /** How many handlers have not returned. */
  get held(): number {
    return this.#open.size;
  }

  letGo(requestId: string): void {
    this.#open.get(requestId)?.();
    this.#open.delete(requestId);
  }
}
