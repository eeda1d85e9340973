import { setTimeout as delay } from "node:timers/promises";
import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import type { ToolOutput } from "../../src/client/calls/tool-output.ts";
import { SealwireClient } from "../../src/client/client.ts";
import type { JobHandle } from "../../src/client/jobs/job-handle.ts";
import type { JobSnapshot } from "../../src/client/jobs/job-snapshot.ts";
import { type Reason, SealwireError } from "../../src/errors.ts";
import { isTerminal } from "../../src/jobs/transitions.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { TEST_INPUT, testArgs } from "../support/test-service.ts";
import { CALLED, STRAY_REASONS, TOOLS, type Tool, type ToolFacts } from "./called-tools.ts";
import { CapturedFrames } from "./captured-frames.ts";
import type { History, Sighting } from "./history.ts";
import type { Dice } from "./seeded-random.ts";
import type { Witness } from "./store-strikes.ts";

/** Reasons that faults explain. Any other reason is a finding. */
const EXPLAINED: ReadonlySet<Reason> = new Set([
  "UNREACHABLE",
  "UNAVAILABLE",
  "FRESHNESS_UNKNOWN",
  "DEADLINE_EXCEEDED",
  "CLOCK_SKEW",
  "OUTCOME_UNKNOWN",
  "REQUEST_IN_PROGRESS",
  "DRAINING",
]);
const WATCHES_MAX = 24;
const PAUSE_MAX_MS = 30;
/** Older than any time of a clock that is set back. */
const LONG_AGO_MS = 7_200_000;
/** Messages of the client about an answer that contradicts an earlier one. */
const TAKEN_BACK = /goes on to revision|falls from revision|without a new revision/;
/** Number of the latest payments that are made again at the end. */
const LATEST_PAYMENTS = 300;

interface Intent {
  readonly client: string;
  readonly requestId: string;
  readonly tool: Tool;
  /** The argument of the tool: how long to work, or which kind of stray work to start. */
  readonly number: number;
}

/** Options of {@link Traffic}. */
export interface TrafficOptions {
  readonly credentials: ReadonlyMap<string, ClientCredentials>;
  readonly addresses: readonly string[];
  /** Whose tools are called, besides those with stray work. */
  readonly calls: keyof typeof CALLED;
  readonly history: History;
  readonly dice: Dice;
}

/**
 * Several clients, each with a connection to every server and one to all of them, that make random calls and record the
 * answers.
 */
export class Traffic implements Witness, AsyncDisposable {
  readonly #options: TrafficOptions;
  readonly #clients = new Map<string, readonly SealwireClient[]>();
  readonly #intents: Intent[] = [];
  readonly #jobs: { readonly client: string; readonly jobId: string }[] = [];
  readonly #acknowledged = new Set<string>();
  readonly #answered = new Set<string>();
  readonly #frames: CapturedFrames;
  readonly #watches = new Set<Promise<void>>();
  readonly #streams = new AbortController();
  /** The jobs whose end the stream of all jobs has contained. */
  readonly #toldEnds = new Set<string>();
  #named = 0;
  /** Time of the last renewal of the store, in milliseconds of the driver's clock. Earlier requests may be lost. */
  #renewedMs = 0;
  #stopping = false;
  #lanes: Promise<void>[] = [];
  #told: Promise<void>[] = [];

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#frames = new CapturedFrames(options);
    const retry = { maxAttempts: 20, initialDelayMs: 50, maxDelayMs: 500 };
    const limits = { timeoutMs: 20_000, heartbeatIntervalMs: 2_000, retry };
    for (const [clientId, credentials] of options.credentials) {
      this.#clients.set(
        clientId,
        [options.addresses, ...options.addresses].map(
          (address) => new SealwireClient({ credentials, address, ...limits }),
        ),
      );
    }
  }

  /** Starts the traffic with `lanes` concurrent tasks. */
  start(lanes: number): void {
    this.#told = [...this.#clients].map(([clientId, [client]]) => this.#follow(clientId, client as SealwireClient));
    this.#lanes = Array.from({ length: lanes }, () => this.#lane(this.#options.dice.split()));
  }

  /** Stops random calls, repeats every start until it is acknowledged, and waits for the end of every watch. */
  async finish(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#lanes);
    const dice = this.#options.dice.split();
    for (const intent of this.#unfinished()) await this.#submit(intent, dice);
    await this.#rest();
    for (const { client, jobId } of this.#jobs.slice(-10)) this.#watchSoon(client, jobId, dice);
    await Promise.all(this.#watches);
    await this.#frames.sendAllAgain();
    await this.#toldAll();
  }

  /** Checks that every server accepts new frames of every client again within the limit. */
  servedAgain(withinMs: number): Promise<boolean> {
    return this.#frames.acceptedAgain(withinMs);
  }

  storeRenewed(): void {
    this.#renewedMs = performance.now();
    this.#jobs.length = 0;
  }

  sendFresh(): Promise<void> {
    return this.#frames.sendFresh();
  }

  sendAcceptedAgain(over: Promise<unknown>): Promise<void> {
    return this.#frames.sendAcceptedAgain(over);
  }

  /** Sends a new frame to every server again and again, without waiting for answers, until `over` resolves. */
  probe(over: Promise<unknown>): Promise<void> {
    return this.#frames.probe(over);
  }

  sendLatestAgain(forMs: number): Promise<void> {
    return this.#frames.sendLatestAgain(forMs);
  }

  refusedWithin(withinMs: number, over: () => boolean): Promise<void> {
    return this.#frames.refusedWithin(withinMs, over);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#streams.abort(new SealwireError("CANCELLED"));
    for (const clients of this.#clients.values()) for (const client of clients) client.close();
    this.#frames[Symbol.dispose]();
    await Promise.allSettled([...this.#lanes, ...this.#watches, ...this.#told]);
  }

  /** The jobs that are not acknowledged, the payments that are not answered, and some that are. */
  #unfinished(): readonly Intent[] {
    const factsOf = ({ tool }: Intent): ToolFacts => TOOLS[tool];
    const payments = this.#intents.filter((intent) => factsOf(intent).isPayment);
    return [
      ...this.#intents.filter((intent) => factsOf(intent).isJob && !this.#acknowledged.has(intent.requestId)),
      ...payments.filter(
        ({ requestId }, place) => !this.#answered.has(requestId) || place >= payments.length - LATEST_PAYMENTS,
      ),
    ];
  }

  async #lane(dice: Dice): Promise<void> {
    while (!this.#stopping) {
      await this.#act(dice);
      await delay(dice.between(0, PAUSE_MAX_MS));
    }
  }

  #act(dice: Dice): Promise<void> {
    const job = this.#jobs.length === 0 ? undefined : dice.pick(this.#jobs.slice(-60));
    const draw = dice.between(0, 100);
    const { most, beside } = CALLED[this.#options.calls];
    if (draw < 30 || job === undefined) return this.#submit(this.#newIntent(dice.pick(most), dice), dice);
    if (draw < 45) return this.#submit(dice.pick(this.#intents.slice(-40)), dice);
    if (draw < 65) return this.#ask(job, dice, (handle) => handle.poll());
    if (draw < 73) return this.#ask(job, dice, (handle) => handle.cancel());
    if (draw < 80) return this.#submit(this.#newIntent(dice.pick(beside), dice), dice);
    if (draw < 90) return this.#frames.sendSome(dice);
    if (draw < 93) return this.#submit(this.#newIntent(dice.pick(["stray_job", "stray_call"]), dice), dice);
    if (this.#watches.size < WATCHES_MAX) this.#watchSoon(job.client, job.jobId, dice);
    return Promise.resolve();
  }

  #newIntent(tool: Tool, dice: Dice): Intent {
    this.#named += 1;
    const client = dice.pick([...this.#clients.keys()]);
    const { argumentEnd, isPayment, isRepeatable = false }: ToolFacts = TOOLS[tool];
    const number = dice.between(0, argumentEnd);
    const requestId = `${tool}-${this.#named}`;
    const intent = { client, requestId, tool, number };
    this.#intents.push(intent);
    if (isPayment) this.#options.history.note({ kind: "called", client, requestId, isRepeatable });
    return intent;
  }

  /** Starts a job or pays, possibly as a repetition. */
  async #submit({ client, requestId, tool, number }: Intent, dice: Dice): Promise<void> {
    const args = { typeUrl: TYPE_URL_PREFIX + TEST_INPUT, value: testArgs(number) };
    const { isPayment }: ToolFacts = TOOLS[tool];
    const alsoExplained = tool === "stray_call" ? STRAY_REASONS : undefined;
    await this.#explained({ action: `${tool} ${requestId}`, alsoExplained }, async () => {
      const askedMs = performance.now();
      const noteAnswer = (outcome: string | undefined): void => {
        this.#options.history.note({ kind: "answered", askedMs, client, requestId, outcome });
        this.#answered.add(requestId);
      };
      const { job, output } = await this.#some(client, dice)
        .call(tool, args, { requestId })
        .catch((thrown: unknown) => {
          if (isPayment && SealwireError.from(thrown).reason === "OUTCOME_UNKNOWN") noteAnswer(undefined);
          throw thrown;
        });
      if (isPayment && output !== undefined) noteAnswer(readToken(output.value));
      if (job === undefined) return;
      this.#options.history.note({ kind: "started", askedMs, client, requestId, jobId: job.jobId });
      if (askedMs < this.#renewedMs) return;
      if (!this.#acknowledged.has(requestId)) this.#jobs.push({ client, jobId: job.jobId });
      this.#acknowledged.add(requestId);
    });
  }

  async #ask(
    { client, jobId }: { readonly client: string; readonly jobId: string },
    dice: Dice,
    question: (handle: JobHandle<ToolOutput>) => Promise<JobSnapshot>,
  ): Promise<void> {
    await this.#explained({ action: `ask about ${jobId}`, jobId }, async () => {
      const handle = this.#some(client, dice).job(jobId);
      const askedMs = performance.now();
      const snapshot = await question(handle);
      this.#options.history.note({ kind: "saw", askedMs, ...(await sighting(handle, snapshot)) });
    });
  }

  #watchSoon(client: string, jobId: string, dice: Dice): void {
    const watch = `${client} ${this.#named++}`;
    const handle = this.#some(client, dice).job(jobId);
    const { history } = this.#options;
    const watching = this.#explained({ action: `watch ${jobId}`, jobId }, async () => {
      for await (const snapshot of handle.watch()) {
        history.note({ kind: "watched", watch, ...(await sighting(handle, snapshot)) });
      }
      history.note({ kind: "watch ended", watch, jobId });
    }).finally(() => this.#watches.delete(watching));
    this.#watches.add(watching);
  }

  #some(client: string, dice: Dice): SealwireClient {
    return dice.pick(this.#clients.get(client) ?? []);
  }

  /** Records the stream of all of a client's jobs. A stream that fails before its first message is restarted. */
  async #follow(clientId: string, client: SealwireClient): Promise<void> {
    const { signal } = this.#streams;
    const endedSinceMs = Date.now() - LONG_AGO_MS;
    while (!signal.aborted) {
      await this.#explained({ action: `watch all of ${clientId}` }, async () => {
        for await (const { jobId, state, revision, attempt } of client.watchJobs({ endedSinceMs, signal })) {
          this.#options.history.note({ kind: "told", client: clientId, jobId, state, revision, attempt });
          if (isTerminal(state)) this.#toldEnds.add(jobId);
        }
      });
    }
  }

  /** Waits until these streams have contained the end of every job. */
  async #toldAll(): Promise<void> {
    for (let looks = 0; looks < 150 && this.#jobs.some(({ jobId }) => !this.#toldEnds.has(jobId)); looks += 1)
      await delay(200);
    this.#streams.abort(new SealwireError("CANCELLED"));
    await Promise.all(this.#told);
    for (const client of this.#clients.keys()) this.#options.history.note({ kind: "told all", client });
  }

  /** Waits until no job is open. */
  async #rest(): Promise<void> {
    for (const [client] of this.#clients.values()) {
      const open = async () => (await client?.listJobs({ states: ["QUEUED", "RUNNING"], pageSize: 1 }))?.jobs.length;
      for (let looks = 0; looks < 300 && (await open().catch(() => 1)) !== 0; looks += 1) await delay(500);
    }
  }

  /** Runs an operation that may fail because of faults. */
  async #explained(
    {
      action,
      jobId,
      alsoExplained,
    }: { readonly action: string; readonly jobId?: string; readonly alsoExplained?: ReadonlySet<string> | undefined },
    run: () => Promise<void>,
  ): Promise<void> {
    const { history } = this.#options;
    try {
      await run();
    } catch (thrown) {
      const { reason, message: text } = SealwireError.from(thrown);
      const message = `${reason}: ${text}`;
      if (reason === "JOB_NOT_FOUND" && jobId !== undefined) history.note({ kind: "absent", jobId });
      else if (TAKEN_BACK.test(text)) history.note({ kind: "taken back", message });
      else if (EXPLAINED.has(reason) || alsoExplained?.has(reason) || text.includes("unsigned") || this.#closed(reason))
        history.note({ kind: "failed", action, message });
      else history.note({ kind: "unexpected", message });
    }
  }

  #closed(reason: Reason): boolean {
    return this.#stopping && reason === "CANCELLED";
  }
}

async function sighting(handle: JobHandle<ToolOutput>, snapshot: JobSnapshot): Promise<Sighting> {
  const { jobId, state, revision, attempt, error } = snapshot;
  if (!isTerminal(state)) return { jobId, state, revision, attempt };
  const outcome = state === "SUCCEEDED" ? readToken((await handle.result()).value) : error?.reason;
  return { jobId, state, revision, attempt, outcome };
}

/** The token in a result of a victim's tool. */
export function readToken(value: Uint8Array): string {
  return String(BatchSumResponse.decode(value).total);
}
