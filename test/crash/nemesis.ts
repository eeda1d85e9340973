import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { Failpoint } from "./failpoints.ts";
import { AWAKE_MS, CLOCK_OFFSETS_MS, drawFate, type Fate, FROZEN_MS, UNHARMED } from "./fate.ts";
import { Gateway } from "./gateway.ts";
import type { History } from "./history.ts";
import type { PlantedFault } from "./planted-faults.ts";
import { Replica, VICTIM_TOOLS } from "./replica.ts";
import type { Dice } from "./seeded-random.ts";
import type { Role, Site } from "./site.ts";

/** What a {@link Nemesis} works with. */
export interface NemesisOptions {
  readonly site: Site;
  readonly history: History;
  readonly dice: Dice;
  readonly plant: PlantedFault | undefined;
}

const LIMITABLE = spawnSync("prlimit", ["--version"]).status === 0;

/** Starts the processes of a site, and strikes them and what they stand on. */
export class Nemesis {
  readonly faults: Record<string, number> = {};
  readonly #options: NemesisOptions;
  readonly #replicas = new Map<Role, Replica>();
  readonly #gateways = new Map<Role, Gateway>();
  #lives: Promise<void>[] = [];
  #killsLeft = 0;
  #raging = true;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** Starts every process; gives the addresses at which calls are taken. */
  async start(): Promise<string[]> {
    const { site } = this.#options;
    if (site.postgres !== undefined) await this.#migrate();
    for (const role of site.roles) if (role.serves) this.#gateways.set(role, await Gateway.open());
    await this.calm();
    return [...this.#gateways.values()].map(({ address }) => address);
  }

  /** Kills so many processes, one life after the other, with every other fault in between. */
  async rage(kills: number): Promise<void> {
    const { site, dice } = this.#options;
    this.#killsLeft = kills;
    this.#raging = kills > 0;
    this.#lives = site.roles.map((role) => this.#liveAndDie(role, dice.split()));
    const strikes = [this.#stepClocks(dice.split()), this.#strikeStore(dice.split())];
    await Promise.all([...this.#lives, ...strikes]);
  }

  /** Lets everything run unharmed. */
  async calm(): Promise<void> {
    await Promise.all(this.#options.site.roles.map((role) => this.#begin(role, UNHARMED)));
  }

  /** Ends every process in good order. */
  async stop(): Promise<void> {
    for (const [role, replica] of this.#replicas) {
      replica.signal("SIGTERM");
      const { code, signal, stderr } = await replica.ended;
      if (code !== 0) this.#endedByItself(role, `${code ?? signal} ${stderr}`);
    }
  }

  killAll(): void {
    this.#raging = false;
    for (const replica of this.#replicas.values()) replica.signal("SIGKILL");
    for (const gateway of this.#gateways.values()) gateway[Symbol.dispose]();
  }

  /** The tables are made under fire, too. */
  async #migrate(): Promise<void> {
    const { site, dice } = this.#options;
    const command = ["store", "migrate", "--store", site.url];
    for (let count = 1; ; count += dice.between(3, 9)) {
      const side = dice.pick(["before", "after"] as const);
      const failpoint: Failpoint = { site: "migrate", side, count, action: "kill" };
      const orders = { journal: site.journal, failpoint, clockOffsetMs: 0 };
      const { code, signal, stderr } = await new Replica(command, orders, ["--import", VICTIM_TOOLS]).ended;
      if (code === 0) return;
      if (signal !== "SIGKILL") throw new Error(`store migrate ended with ${code}: ${stderr}`);
      this.#count("killed in migrate");
    }
  }

  async #liveAndDie(role: Role, dice: Dice): Promise<void> {
    while (this.#raging) {
      const fate = drawFate(dice, this.#options.site.engine);
      const replica = await this.#begin(role, fate);
      await this.#seeToItsEnd(replica, fate);
      const { signal, code, stderr } = await replica.ended;
      if (signal === "SIGKILL") {
        this.#count("killed");
        this.#killsLeft -= 1;
        if (this.#killsLeft <= 0) this.#raging = false;
      } else if (!/cannot be used|store is closed/.test(stderr))
        this.#endedByItself(role, `${code ?? signal} ${stderr}`);
    }
  }

  async #seeToItsEnd(replica: Replica, { failpoint, freeze, lifeMs }: Fate): Promise<void> {
    if (freeze !== undefined) {
      await Promise.race([delay(freeze.afterMs), replica.ended]);
      replica.signal("SIGSTOP");
      this.#count("frozen");
      await Promise.race([delay(freeze.forMs), replica.ended]);
      replica.signal("SIGCONT");
    }
    const outlived = await Promise.race([delay(lifeMs, true), replica.ended.then(() => false)]);
    if (!outlived && failpoint !== undefined) this.#count(`killed at ${failpoint.site}`);
    if (failpoint?.action === "freeze") {
      replica.signal("SIGCONT");
      await Promise.race([delay(AWAKE_MS), replica.ended]);
    }
    replica.signal("SIGKILL");
    await replica.ended;
  }

  /** Starts a process in the place of a dead one. While its database is away it may need more than one try. */
  async #begin(role: Role, { failpoint, clockOffsetMs }: Omit<Fate, "lifeMs" | "freeze">): Promise<Replica> {
    const before = this.#replicas.get(role);
    if (before !== undefined) {
      before.signal("SIGKILL");
      await before.ended;
    }
    const { site, plant } = this.#options;
    const gateway = this.#gateways.get(role);
    const command = [...role.command, ...(gateway === undefined ? [] : ["--listen", "127.0.0.1:0"])];
    const replica = new Replica(command, { journal: site.journal, failpoint, clockOffsetMs, plant });
    this.#replicas.set(role, replica);
    gateway?.lead(undefined);
    // It may freeze before it is ready.
    const thaw = setInterval(() => replica.signal("SIGCONT"), FROZEN_MS[site.engine][1]);
    const port = await replica.ready();
    clearInterval(thaw);
    gateway?.lead(port);
    void replica.ended.then(() => this.#replicas.get(role) === replica && gateway?.lead(undefined));
    return replica;
  }

  async #stepClocks(dice: Dice): Promise<void> {
    while (await this.#pause(dice.between(500, 4_000))) {
      const replicas = [...this.#replicas.values()];
      if (replicas.length === 0) continue;
      dice.pick(replicas).setClock({ clockOffsetMs: dice.pick(CLOCK_OFFSETS_MS) });
      this.#count("clock steps");
    }
  }

  async #strikeStore(dice: Dice): Promise<void> {
    const { postgres } = this.#options.site;
    while (await this.#pause(dice.between(2_000, 8_000))) {
      if (postgres === undefined) await this.#fillDisk(dice.between(200, 800));
      else if (dice.chance(0.3)) {
        postgres.crash();
        await delay(dice.between(0, 1_000));
        postgres.startAgain();
        this.#count("database restarts");
      } else {
        await using client = await postgres.connect("sealwire");
        const { rowCount } = await client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sealwire%' AND random() < $1",
          [dice.fraction()],
        );
        this.#count("connections killed", rowCount ?? 0);
      }
    }
  }

  /** Lets no file of a process grow for a while: to it, that is a full disk. */
  async #fillDisk(forMs: number): Promise<void> {
    const pid = [...this.#replicas.values()][0]?.pid;
    if (!LIMITABLE || pid === undefined) return;
    const limit = (size: string) =>
      spawnSync("prlimit", ["--pid", String(pid), `--fsize=${size}:unlimited`]).status === 0;
    if (!limit("8192")) return;
    this.#count("full disks");
    await delay(forMs);
    limit("unlimited");
  }

  /** False once the rage is over. */
  async #pause(forMs: number): Promise<boolean> {
    const endMs = performance.now() + forMs;
    while (this.#raging && performance.now() < endMs) await delay(50);
    return this.#raging;
  }

  #endedByItself({ name }: Role, said: string): void {
    this.#options.history.note({ kind: "ended by itself", process: name, said });
  }

  #count(fault: string, times = 1): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + times;
  }
}
