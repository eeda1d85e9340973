import type { SealwireClient } from "../../src/index.ts";

/** The counts of a load. */
export interface LoadFigures {
  readonly calls: number;
  readonly jobs: readonly string[];
  /** Errors of the client library after all attempts. */
  readonly failures: readonly Error[];
}

/** Calls tools and starts jobs continuously until it is stopped. */
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

  /** Stops and waits for running calls. */
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
