import { setTimeout as delay } from "node:timers/promises";
import { ExitCode } from "../../src/cli/output/exit-code.ts";
import type { Failpoint } from "./failpoints.ts";
import { AWAKE_MS, CLOCK_OFFSETS_MS, drawFate, type Fate, FROZEN_MS, SPARED, UNHARMED } from "./fate.ts";
import { Gateway } from "./gateway.ts";
import type { History } from "./history.ts";
import type { PlantedFault } from "./planted-faults.ts";
import { type Ended, Replica, VICTIM_TOOLS } from "./replica.ts";
import type { Dice } from "./seeded-random.ts";
import type { Role, Site } from "./site.ts";
import { StoreLosses } from "./store-losses.ts";
import { type StrikeContext, strikesOn, type Witness } from "./store-strikes.ts";
import { VictimLog } from "./victim-log.ts";

/** Options of a {@link Nemesis}. */
export interface NemesisOptions {
  readonly site: Site;
  readonly history: History;
  readonly dice: Dice;
  readonly plant: PlantedFault | undefined;
}

/** Options of {@link Nemesis.rage}. */
export interface Rage {
  /** Minimum number of killed processes. */
  readonly kills: number;
  /** Minimum number of faults of the store. */
  readonly strikes: number;
  readonly witness: Witness;
}

/** How long a log that is full at the start remains full. */
const LOG_FULL_MS = [200, 1_500] as const;

/** Starts the processes of a site and injects faults into them and their store. */
export class Nemesis {
  readonly faults: Record<string, number> = {};
  readonly #options: NemesisOptions;
  readonly #losses: StoreLosses;
  readonly #replicas = new Map<Role, Replica>();
  /** Processes that were stopped cleanly. */
  readonly #asked = new WeakSet<Replica>();
  readonly #gateways = new Map<Role, Gateway>();
  readonly #fallen = Promise.withResolvers<void>();
  #killsLeft = 0;
  #strikesLeft = 0;
  #witness: Witness | undefined;
  /** Action before the next process starts. */
  #betweenLives: (() => void) | undefined;
  /** Whether the next processes have no faults. */
  #sparing = false;
  #raging = true;
  #logs = 0;

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#losses = new StoreLosses(options.site, options.history);
  }

  /** Starts every process. Returns the addresses of the servers. */
  async start(): Promise<string[]> {
    const { site } = this.#options;
    const isSteady = site.scenario.ends === "drain" || site.scenario.ends === "none";
    if (site.pair !== undefined || isSteady) await site.migrate();
    else if (site.postgres !== undefined) await this.#migrate();
    await site.upstreams?.calm();
    for (const role of site.roles) if (role.serves) this.#gateways.set(role, await Gateway.open());
    await this.calm();
    return [...this.#gateways.values()].map(({ address }) => address);
  }

  /** Kills processes one after the other, and injects all other faults in between. */
  async rage({ kills, strikes, witness }: Rage): Promise<void> {
    const { site, dice } = this.#options;
    this.#witness = witness;
    this.#killsLeft = kills;
    this.#strikesLeft = strikes;
    this.#raging = kills + strikes > 0;
    await Promise.all([
      ...(site.scenario.ends === "none" ? [] : site.roles.map((role) => this.#liveAndDie(role, dice.split()))),
      this.#stepClocks(dice.split()),
      this.#strikeStore(dice.split(), witness),
    ]);
  }

  /** Runs all processes without faults. */
  async calm(): Promise<void> {
    await this.#options.site.upstreams?.calm();
    await Promise.all(this.#options.site.roles.map((role) => this.#begin(role, UNHARMED)));
  }

  /** Resolves when a process has ended unexpectedly. After {@link rage} it is not restarted. */
  get fallen(): Promise<void> {
    return this.#fallen.promise;
  }

  /** Stops every process cleanly. */
  async stop(): Promise<void> {
    for (const replica of this.#replicas.values()) {
      this.#asked.add(replica);
      replica.signal("SIGTERM");
      await replica.ended;
    }
    await this.#options.site.upstreams?.stop();
  }

  killAll(): void {
    this.#raging = false;
    for (const replica of this.#replicas.values()) replica.signal("SIGKILL");
    this.#options.site.upstreams?.killAll();
    for (const gateway of this.#gateways.values()) gateway[Symbol.dispose]();
  }

  /** Faults are injected into the migration, too. */
  async #migrate(): Promise<void> {
    const { site, dice } = this.#options;
    const command = ["store", "migrate", "--store", site.url];
    for (let count = 1; ; count += dice.between(3, 9)) {
      const side = dice.pick(["before", "after"] as const);
      const failpoint: Failpoint = { site: "migrate", side, count, action: "kill" };
      const orders = { journal: site.journal, failpoint, clockOffsetMs: 0 };
      const nodeOptions = ["--import", VICTIM_TOOLS];
      const { code, signal, stderr } = await new Replica(command, orders, { nodeOptions }).ended;
      if (code === 0) return;
      if (signal !== "SIGKILL") throw new Error(`store migrate ended with ${code}: ${stderr}`);
      this.#count("killed in migrate");
    }
  }

  async #liveAndDie(role: Role, dice: Dice): Promise<void> {
    while (this.#raging) {
      const fate = this.#sparing ? SPARED : drawFate(dice, this.#options.site.scenario);
      const replica = await this.#begin(role, fate);
      await this.#seeToItsEnd(replica, fate);
      const { signal } = await replica.ended;
      const isDrained = signal === null && this.#asked.has(replica);
      if (signal !== "SIGKILL" && !isDrained) continue;
      this.#count(isDrained ? "drained" : "killed");
      if (isDrained && this.#options.site.scenario.ends !== "drain") continue;
      this.#killsLeft -= 1;
      this.#endIfDone();
    }
  }

  async #seeToItsEnd(replica: Replica, { failpoint, freeze, lifeMs, signal }: Fate): Promise<void> {
    if (freeze !== undefined) {
      await Promise.race([delay(freeze.afterMs), replica.ended]);
      const fromMs = Date.now();
      replica.signal("SIGSTOP");
      this.#count("frozen");
      await Promise.race([delay(freeze.forMs), replica.ended]);
      replica.signal("SIGCONT");
      this.#struck(fromMs, replica.pid);
    }
    const outlived = await Promise.race([delay(lifeMs, true, { ref: false }), replica.ended.then(() => false)]);
    if (!outlived && failpoint !== undefined) this.#count(`killed at ${failpoint.site}`);
    if (failpoint?.action === "freeze") {
      replica.signal("SIGCONT");
      await Promise.race([delay(AWAKE_MS), replica.ended]);
    }
    if (signal === "SIGTERM") this.#asked.add(replica);
    replica.signal(signal);
    await replica.ended;
  }

  /** Starts a process that replaces a dead one. While its database is unavailable this may take several attempts. */
  async #begin(role: Role, fate: Omit<Fate, "lifeMs" | "freeze" | "signal">): Promise<Replica> {
    const before = this.#replicas.get(role);
    if (before !== undefined) {
      before.signal("SIGKILL");
      await before.ended;
    }
    const { site } = this.#options;
    this.#losses.clear();
    this.#betweenLives?.();
    const gateway = this.#gateways.get(role);
    const bornMs = Date.now();
    const replica = this.#spawn(role, fate);
    this.#replicas.set(role, replica);
    gateway?.lead(undefined);
    // The process may be frozen before it is ready.
    const thaw = setInterval(() => replica.signal("SIGCONT"), FROZEN_MS[site.scenario.engine][1]);
    const port = await replica.ready();
    clearInterval(thaw);
    if (this.#losses.isDamaged) return this.#begin(role, fate);
    if (port !== undefined && this.#losses.isRenewedBy(bornMs)) this.#renewed();
    gateway?.lead(port);
    void replica.ended.then(() => this.#replicas.get(role) === replica && gateway?.lead(undefined));
    return replica;
  }

  #spawn(role: Role, { failpoint, clockOffsetMs, log: target }: Omit<Fate, "lifeMs" | "freeze" | "signal">): Replica {
    const { site, plant } = this.#options;
    const log = new VictimLog(target, site.logPath(this.#logs++));
    const place = role.serves ? ["--listen", "127.0.0.1:0"] : [];
    const command = [...role.command, "--log-level", log.level, ...place];
    const bornMs = Date.now();
    const { maxAheadMs } = site.scenario;
    const orders = { journal: site.journal, failpoint, clockOffsetMs, plant, maxAheadMs };
    const replica = new Replica(command, orders, { log, env: site.env });
    void log.fill(replica.pid, this.#options.dice.between(...LOG_FULL_MS));
    if (target !== "read") this.#count(`log ${target}`);
    void replica.ended.then((ended) => {
      this.#judge(role, replica, ended);
      // A failpoint that the process survives cannot be observed from outside.
      const survivable = failpoint !== undefined && failpoint.action !== "kill";
      this.#struck(survivable ? bornMs : Date.now(), replica.pid);
    });
    return replica;
  }

  /** Records a process that ended unexpectedly. At the start a process may end because the store is unavailable. */
  #judge({ name }: Role, replica: Replica, ended: Ended): void {
    const { code, signal, stderr } = ended;
    if (signal === "SIGKILL" || (code === ExitCode.done && this.#asked.has(replica))) return;
    const isAway = code === ExitCode.unreachable && !replica.wasReady;
    const explained = isAway ? "store away at a start" : this.#losses.explain(ended, replica.wasReady);
    if (explained !== undefined) this.#count(explained);
    else {
      this.#options.history.note({ kind: "ended by itself", process: name, said: `${code ?? signal} ${stderr}` });
      if (!this.#raging) this.#fallen.resolve();
    }
  }

  async #stepClocks(dice: Dice): Promise<void> {
    if (!this.#options.site.scenario.clocks) return;
    while (await this.#pause(dice.between(500, 4_000))) {
      const replicas = [...this.#replicas.values()];
      if (replicas.length === 0) continue;
      dice.pick(replicas).setClock({ clockOffsetMs: dice.pick(CLOCK_OFFSETS_MS) });
      this.#count("clock steps");
    }
  }

  async #strikeStore(dice: Dice, witness: Witness): Promise<void> {
    const strike = strikesOn(this.#options.site, this.#strikeContext(witness));
    // A strike on an upstream has pauses of its own.
    while (await this.#pause(this.#options.site.upstreams === undefined ? dice.between(2_000, 8_000) : 0)) {
      const fromMs = Date.now();
      await strike(dice);
      this.#struck(fromMs);
      this.#strikesLeft -= 1;
      this.#endIfDone();
    }
  }

  #strikeContext(witness: Witness): StrikeContext {
    return {
      witness,
      count: (fault, times) => this.#count(fault, times),
      faulted: (fault, beganMs) => {
        this.#options.history.note({ kind: "fault over", fault, beganMs });
        this.#count(fault);
      },
      pids: () => [...this.#replicas.values()].map(({ pid }) => pid),
      lost: (how) => this.#losses.lost(how),
      renewed: () => this.#renewed(),
      betweenLives: async (act, next) => {
        this.#sparing = next === "unharmed";
        this.#betweenLives = () => {
          this.#betweenLives = undefined;
          act();
        };
        for (const replica of this.#replicas.values()) replica.signal("SIGKILL");
        await Promise.all([...this.#replicas.values()].map(({ ended }) => ended));
        // After {@link rage} no process is started before {@link calm}.
        while (this.#betweenLives !== undefined && this.#raging) await delay(20);
        this.#betweenLives?.();
      },
    };
  }

  #renewed(): void {
    this.#witness?.storeRenewed();
    this.#losses.renewed();
  }

  #endIfDone(): void {
    if (this.#killsLeft <= 0 && this.#strikesLeft <= 0) this.#raging = false;
  }

  /** Returns false after {@link rage}. */
  async #pause(forMs: number): Promise<boolean> {
    const endMs = performance.now() + forMs;
    while (this.#raging && performance.now() < endMs) await delay(50);
    return this.#raging;
  }

  #struck(fromMs: number, pid?: number): void {
    const { scenario, upstreams } = this.#options.site;
    // An attempt at an upstream also ends with the process that has claimed it, which the journal does not name.
    const victim = upstreams === undefined && pid !== undefined ? { pid } : {};
    const drain = scenario.ends === "drain" ? { isDrain: true as const } : {};
    this.#options.history.note({ kind: "struck", fromMs, toMs: Date.now(), ...victim, ...drain });
  }

  #count(fault: string, times = 1): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + times;
  }
}
