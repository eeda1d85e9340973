import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { buildDescriptors } from "../support/build-descriptors.ts";
import { QUICK_START } from "../support/quick-start.ts";
import type { ProcessEnd } from "./scenario.ts";
import type { Dice } from "./seeded-random.ts";
import type { UpstreamOrders, UpstreamPoint } from "./upstream-process.ts";

const MAIN = join(import.meta.dirname, "upstream-process.ts");
const POINTS: readonly UpstreamPoint[] = ["run", "effect", "answer"];
/** Maximum time until a process is ended from outside, if it does not kill itself before, in milliseconds. */
const LONGEST_MS = 1_000;
/** Maximum time between the end of a process and the start of its successor. */
const DOWN_MAX_MS = 600;

/** One upstream, whose process is replaced at each of its ends. */
class Upstream {
  readonly #orders: UpstreamOrders;
  #child: ChildProcess | undefined;
  #isArmed = false;
  #stderr = "";

  constructor(orders: UpstreamOrders) {
    this.#orders = orders;
  }

  get address(): string {
    return `unix:${this.#orders.socket}`;
  }

  /** True if a process without a failpoint runs. */
  get isUnharmed(): boolean {
    return this.#child !== undefined && !this.#isArmed && !hasEnded(this.#child);
  }

  /** Starts a process. Resolves when it listens, or has killed itself. */
  async start(failpoint?: UpstreamOrders["failpoint"]): Promise<void> {
    this.#stderr = "";
    this.#isArmed = failpoint !== undefined;
    const child = spawn(process.execPath, [MAIN], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { PATH: process.env.PATH, ...QUICK_START, CRASH_UPSTREAM: JSON.stringify({ ...this.#orders, failpoint }) },
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#child = child;
    await Promise.race([once(child.stdout as NodeJS.EventEmitter, "data"), once(child, "exit")]);
    if (child.exitCode !== null) await this.end("SIGKILL");
  }

  /** Waits until the process has ended by itself, up to a limit. */
  async lived(forMs: number): Promise<void> {
    if (this.#child === undefined || hasEnded(this.#child)) return;
    await Promise.race([once(this.#child, "exit"), delay(forMs)]);
  }

  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  /** Ends the process. Throws if it ends in another way than by this signal or SIGKILL. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    if (!hasEnded(child)) {
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    }
    const { exitCode, signalCode } = child;
    if (signalCode === "SIGKILL" || (signal === "SIGTERM" && exitCode === 0)) return;
    throw new Error(`${this.#orders.service} ended with ${signalCode ?? exitCode}: ${this.#stderr}`);
  }
}

/** The upstreams of a site: one that does not recognise repeated calls, and one that does. */
export class Upstreams {
  readonly #plain: Upstream;
  readonly #keyed: Upstream;
  readonly #descriptors: string;

  /** Writes the contract into the folder, in which the sockets will be. */
  constructor({ folder, journal }: { readonly folder: string; readonly journal: string }) {
    const orders = (service: UpstreamOrders["service"]) => ({ socket: join(folder, service), service, journal });
    this.#plain = new Upstream(orders("PlainToolService"));
    this.#keyed = new Upstream(orders("KeyedToolService"));
    this.#descriptors = join(folder, "upstreams.binpb");
    writeFileSync(this.#descriptors, buildDescriptors(join(import.meta.dirname, "proto")));
  }

  /** The setting `upstreams` of the servers and workers. */
  get setting(): object {
    const of = ({ address }: Upstream, service: UpstreamOrders["service"]) => ({
      address,
      descriptors: this.#descriptors,
      services: [`crash.v1.${service}`],
    });
    return {
      plain: of(this.#plain, "PlainToolService"),
      keyed: { ...of(this.#keyed, "KeyedToolService"), deduplicates: true },
    };
  }

  /** Runs both without failpoints. */
  async calm(): Promise<void> {
    for (const upstream of [this.#plain, this.#keyed]) {
      if (upstream.isUnharmed) continue;
      await upstream.end("SIGKILL");
      await upstream.start();
    }
  }

  /** Ends one of the processes and starts its successor: kills it unless processes only drain. */
  async strike(dice: Dice, ends: ProcessEnd, count: (fault: string) => void): Promise<void> {
    const upstream = dice.pick([this.#plain, this.#keyed]);
    await upstream.lived(dice.between(0, LONGEST_MS));
    if (ends === "drain" || (ends === "either" && dice.chance(0.3))) {
      await upstream.end("SIGTERM");
      count("upstreams stopped");
      await this.#restart(upstream, dice);
    }
    if (ends === "drain") return;
    await upstream.lived(dice.between(0, LONGEST_MS));
    await upstream.end("SIGKILL");
    count("upstreams killed");
    await this.#restart(upstream, dice, dice.chance(0.6) ? drawFailpoint(dice) : undefined);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#plain.end("SIGTERM"), this.#keyed.end("SIGTERM")]);
  }

  killAll(): void {
    this.#plain.kill();
    this.#keyed.kill();
  }

  async #restart(upstream: Upstream, dice: Dice, failpoint?: UpstreamOrders["failpoint"]): Promise<void> {
    if (dice.chance(0.3)) await delay(dice.between(0, DOWN_MAX_MS));
    await upstream.start(failpoint);
  }
}

function drawFailpoint(dice: Dice): NonNullable<UpstreamOrders["failpoint"]> {
  return { point: dice.pick(POINTS), count: dice.between(1, 6) };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
