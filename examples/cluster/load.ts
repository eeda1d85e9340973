import type { SealwireClient } from "../../src/index.ts";

/** What a load did so far. */
export interface LoadFigures {
  readonly calls: number;
  readonly jobs: readonly string[];
  /** What the client library threw after all its attempts. */
  readonly failures: readonly Error[];
}

/** Calls and starts jobs without a pause until it is stopped, as a busy service would. */
export class Load {
  readonly #client: SealwireClient;
  readonly #callers: Promise<void>[];
  readonly #jobs: string[] = [];
  readonly #failures: Error[] = [];
  #calls = 0;
  #stopping = false;

  constructor(client: SealwireClient, callers: number) {
    this.#client = client;
    this.#callers = Array.from({ length: callers }, () => this.#run());
  }

  get figures(): LoadFigures {
    return { calls: this.#calls, jobs: this.#jobs, failures: this.#failures };
  }

  /** Lets the calls under way end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#callers);
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopping; turn += 1) {
      try {
        await this.#client.call("batch_sum", { numbers: [1, 2, 3.5] });
        this.#calls += 1;
        if (turn % 10 === 0) await this.#startJob();
      } catch (error) {
        this.#failures.push(error as Error);
      }
    }
  }

  async #startJob(): Promise<void> {
    const { job } = await this.#client.call("start_long_task", { seconds: 1, payload: {} });
    if (job !== undefined) this.#jobs.push(job.jobId);
  }
}
