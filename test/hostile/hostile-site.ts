import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ServerLimits } from "../../src/server/server-limits.ts";
import { type ClientCredentials, readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { CliServer, sealwire } from "../cli/cli-process.ts";
import { snakeCased } from "../support/snake-case.ts";
import type { GoodCalls } from "./good-client-process.ts";
import { type Measured, printMeasured, summarize } from "./measured.ts";
import { residentMiB } from "./resident-memory.ts";

/*
 * The harness of the hostile suite (`npm run test:hostile`): a real `sealwire serve` process on a real socket with SQLite,
 * an honest client in a process of its own, and an attack beside it, which is a function of the test. A file *.hostile.ts
 * looks like this:
 *
 *   await using site = await HostileSite.start({ clients: ["mallory"] });
 *   const measured = await site.measure("what the attack is", async (target) => {
 *     …                                     // begins the attack: target.address, target.credentials("mallory")
 *     return {
 *       count: () => …,                     // what came of it so far: calls that were opened, answers that came
 *       end: async () => { … },             // called when the honest client has been measured
 *     };
 *   });
 *   assertUnharmed(measured, { growthMiB: 200, countLeast: 1000 });    // from measured.ts
 *
 * `measure` warms first, measures the honest client without the attack, begins the attack, measures again for `seconds`,
 * and prints both. The attack runs in the test's own process: what it takes of the machine is in both figures' favour only
 * as far as there are cores.
 */

/** What an attack is aimed at. */
export interface Target {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** Those of one of the further clients. */
  credentials(client: string): ClientCredentials;
  /** What the server has written to its log so far, in bytes. */
  logBytes(): number;
}

/** An attack that is under way. */
export interface Begun {
  /** How much of it has reached the server so far, so that an attack which does not take place is not taken for a harmless one. */
  count(): number;
  end(): unknown;
}

/** Begins an attack; resolves once it is under way. */
export type Attack = (target: Target) => Promise<Begun>;

/** What a test may ask of its site; the rest is as an operator would have it. */
export interface SiteOptions {
  /** Further clients with keys, beside the honest one. */
  readonly clients?: readonly string[];
  /** Options of `keys add` for the further clients. */
  readonly keyOptions?: readonly string[];
  readonly limits?: Partial<ServerLimits>;
  /** Further options of `serve`. */
  readonly serve?: readonly string[];
}

const GOOD = "good";
const CALLS_PER_SECOND = 50;
const WARM_UP_MS = 1500;
const CALM_MS = 2000;
/** From the begin of an attack until it counts: code that has never run before is slow once. */
const LEAD_MS = 3000;
const MEMORY_INTERVAL_MS = 50;

/** One server with its honest client; dispose it at the end of the test. */
export class HostileSite implements AsyncDisposable {
  readonly target: Target;
  readonly #server: CliServer;
  readonly #good: ChildProcess;

  private constructor(server: CliServer, good: ChildProcess, target: Target) {
    this.#server = server;
    this.#good = good;
    this.target = target;
  }

  /** Makes keys, starts the server and the honest client; both are warm when it resolves. */
  static async start({
    clients = [],
    keyOptions = [],
    limits = {},
    serve = [],
  }: SiteOptions = {}): Promise<HostileSite> {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-hostile-"));
    for (const client of [GOOD, ...clients]) {
      const options = client === GOOD ? ["--calls-per-second", "10000", "--burst", "10000"] : keyOptions;
      const added = ["keys", "add", client, "--tools", "*", "--server-id", "hostile", "--out", `${client}.json`];
      const { code, stderr } = await sealwire([...added, ...options], { cwd: folder });
      if (code !== 0) throw new Error(`keys add ${client}: ${stderr}`);
    }
    await writeFile(join(folder, "config.json"), JSON.stringify({ limits: snakeCased(limits) }));
    const server = await CliServer.start(folder, "--config", "config.json", "--demo-tools", ...serve);
    const address = server.ready.listening;
    const read = await Promise.all(clients.map((client) => readCredentials(join(folder, `${client}.json`))));
    const target: Target = {
      address,
      host: address.slice(0, address.lastIndexOf(":")),
      port: Number(address.slice(address.lastIndexOf(":") + 1)),
      pid: server.process.child.pid as number,
      credentials: (client) => read[clients.indexOf(client)] as ClientCredentials,
      logBytes: () => server.process.stderr.length,
    };
    const good = fork(join(import.meta.dirname, "good-client-process.ts"), [
      join(folder, `${GOOD}.json`),
      address,
      String(CALLS_PER_SECOND),
    ]);
    const site = new HostileSite(server, good, target);
    await site.#report();
    await delay(WARM_UP_MS);
    return site;
  }

  /** Measures the honest client for `seconds`, beside an attack, and the server's memory; prints what it finds. */
  async measure(name: string, attack: Attack, seconds = 4): Promise<Measured> {
    await this.#interval(0);
    const calm = await this.#interval(CALM_MS);
    const before = await residentMiB(this.target.pid);
    let peak = before;
    // A server that is gone shows in the honest client's calls; here it would end the test from outside.
    const watch = setInterval(() => {
      residentMiB(this.target.pid).then(
        (now) => {
          peak = Math.max(peak, now);
        },
        () => clearInterval(watch),
      );
    }, MEMORY_INTERVAL_MS);
    const begun = await attack(this.target);
    let attacked: GoodCalls;
    let count: number;
    try {
      await this.#interval(LEAD_MS);
      attacked = await this.#interval(seconds * 1000);
      count = begun.count();
      peak = Math.max(peak, await residentMiB(this.target.pid));
    } finally {
      clearInterval(watch);
      await begun.end();
    }
    const measured = { name, calm: summarize(calm), attacked: summarize(attacked), count, memory: { before, peak } };
    printMeasured(measured);
    return measured;
  }

  /** What the honest client met since it was last asked, and in the time from now. */
  async #interval(durationMs: number): Promise<GoodCalls> {
    await delay(durationMs);
    this.#good.send("report");
    return this.#report();
  }

  async #report(): Promise<GoodCalls> {
    const [calls] = await Promise.race([once(this.#good, "message"), once(this.#good, "exit")]);
    if (typeof calls === "object" && calls !== null) return calls as GoodCalls;
    throw new Error(`the honest client ended with ${calls}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#good.connected) this.#good.disconnect();
    await this.#server[Symbol.asyncDispose]();
    await rm(this.#server.folder, { recursive: true });
  }
}
