import { setTimeout as delay } from "node:timers/promises";
import { SealwireClient } from "../../src/client/client.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { TEST_INPUT, testArgs } from "../support/test-service.ts";
import { gatherEvidence } from "./campaign.ts";
import { violations } from "./checker.ts";
import { type Event, History } from "./history.ts";
import { Replica } from "./replica.ts";
import { SCENARIOS } from "./scenario.ts";
import { type EngineName, Site } from "./site.ts";
import type { Orders } from "./victim-process.ts";

const LIMIT_MS = 180_000;

/** A site whose steps are controlled one by one. */
export class Scene implements AsyncDisposable {
  readonly #site: Site;
  readonly #history = new History();
  readonly #replicas: Replica[] = [];

  static async open(engine: EngineName): Promise<Scene> {
    const scene = new Scene(await Site.make(SCENARIOS[engine]));
    if (engine === "postgres") await scene.#site.migrate();
    return scene;
  }

  private constructor(site: Site) {
    this.#site = site;
  }

  /** Starts the process of a role. Returns it with its port, if it listens. */
  async start(
    name: string,
    orders: Partial<Orders> = {},
  ): Promise<{ readonly replica: Replica; readonly port: number | undefined }> {
    const role = this.#site.roles.find((each) => each.name === name);
    if (role === undefined) throw new Error(`there is no ${name}`);
    const command = [...role.command, "--log-level", "warn", ...(role.serves ? ["--listen", "127.0.0.1:0"] : [])];
    const replica = new Replica(command, { journal: this.#site.journal, clockOffsetMs: 0, ...orders });
    this.#replicas.push(replica);
    return { replica, port: await replica.ready() };
  }

  /** Starts a job through the server at a port. */
  async submit(port: number | undefined, tool: string, forMs: number): Promise<string> {
    const credentials = this.#site.credentials.get("ann") as ClientCredentials;
    await using client = new SealwireClient({ credentials, address: `127.0.0.1:${port}` });
    const args = { typeUrl: TYPE_URL_PREFIX + TEST_INPUT, value: testArgs(forMs) };
    const askedMs = performance.now();
    const { job, requestId } = await client.call(tool, args);
    if (job === undefined) throw new Error(`${tool} is no job`);
    this.#history.note({ kind: "started", askedMs, client: "ann", requestId, jobId: job.jobId });
    return job.jobId;
  }

  /** Resolves when an attempt has begun or returned, to the elapsed milliseconds. */
  async until(kind: "attempt began" | "attempt returned", attempt: number): Promise<number> {
    const startedMs = performance.now();
    const is = (event: Event) => event.kind === kind && event.attempt === attempt;
    while (!this.#site.readJournal().some(is)) {
      if (performance.now() > startedMs + LIMIT_MS) throw new Error(`in vain: ${kind} (${attempt})`);
      await delay(5);
    }
    return performance.now() - startedMs;
  }

  /** Stops every process cleanly and returns each broken promise. */
  async violations(): Promise<string[]> {
    // A scene injects its faults itself.
    this.#history.note({ kind: "struck", fromMs: 0, toMs: Date.now() });
    for (const replica of this.#replicas) {
      replica.signal("SIGTERM");
      await replica.ended;
    }
    await gatherEvidence(this.#site, this.#history);
    return violations(this.#history.events);
  }

  /** Number of succeeded jobs, after {@link violations}. */
  get succeeded(): number {
    return this.#history.events.filter((event) => event.kind === "at rest" && event.state === "SUCCEEDED").length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const replica of this.#replicas) {
      replica.signal("SIGKILL");
      await replica.ended;
    }
    await this.#site[Symbol.asyncDispose]();
  }
}

/**
 * A worker is frozen for longer than its lease just before it records a result. Another one runs the job and records
 * its result. Then the first one continues.
 */
export async function wakeLate(orders: Partial<Orders> = {}): Promise<readonly string[]> {
  await using scene = await Scene.open("postgres");
  const { port } = await scene.start("server 1");
  const failpoint = { site: "return", side: "before", count: 1, action: "freeze" } as const;
  const { replica } = await scene.start("worker 1", { ...orders, failpoint });
  await scene.submit(port, "linger", 10);
  await scene.until("attempt returned", 1);
  await scene.start("worker 2");
  await scene.until("attempt returned", 2);
  replica.signal("SIGCONT");
  replica.signal("SIGTERM");
  await replica.ended;
  return await scene.violations();
}
