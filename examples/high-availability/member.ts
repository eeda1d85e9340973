import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";
import { familyOf } from "./programs.ts";

/** Which processes of a member: PostgreSQL, Patroni, or both, as if its machine. */
export type MemberPart = "postgres" | "patroni" | "machine";

/** Options of a {@link Member}. */
export interface MemberOptions {
  readonly name: string;
  /** Holds its configuration, its data and its log. */
  readonly folder: string;
  /** Path of Patroni. */
  readonly patroni: string;
  readonly postgresPort: number;
  readonly restPort: number;
}

/** Time limit for an answer of a member, which may be frozen. */
const ANSWER_MS = 1_000;

/** The state of a member, as the others see it. */
export interface MemberState {
  readonly name: string;
  readonly role: "leader" | "sync_standby" | "replica" | string;
  readonly state: string;
  readonly timeline?: number;
  /** Bytes behind the primary. */
  readonly lag?: number | string;
}

/** A member of a cluster: Patroni and the PostgreSQL server that it runs. */
export class Member implements AsyncDisposable {
  readonly name: string;
  readonly postgresPort: number;
  readonly restPort: number;
  readonly #options: MemberOptions;
  readonly #patroni: Daemon;

  constructor(options: MemberOptions) {
    const { name, folder, patroni, postgresPort, restPort } = options;
    this.#options = options;
    this.name = name;
    this.postgresPort = postgresPort;
    this.restPort = restPort;
    this.#patroni = new Daemon({ folder, log: this.log, command: [patroni, join(folder, "patroni.yaml")] });
  }

  /** Path of the log of Patroni and PostgreSQL. */
  get log(): string {
    return join(this.#options.folder, "log");
  }

  /** Starts Patroni, which starts PostgreSQL, or takes over one that runs. */
  start(): void {
    if (this.#patroni.pid === undefined) this.#patroni.start();
  }

  /** True while Patroni runs, or is frozen. */
  get isRunning(): boolean {
    return this.#patroni.pid !== undefined;
  }

  /** Sends a signal to all processes of a part. */
  async signal(part: MemberPart, signal: NodeJS.Signals): Promise<void> {
    // A parent comes before its children, so that it cannot replace them.
    const roots = [
      part === "postgres" ? undefined : this.#patroni.pid,
      part === "patroni" ? undefined : this.#postmaster(),
    ];
    const pids = new Set(roots.flatMap((pid) => (pid === undefined ? [] : familyOf(pid))));
    if (part === "patroni") for (const pid of familyOf(this.#postmaster() ?? 0)) pids.delete(pid);
    for (const pid of pids) sendSignal(pid, signal);
    if (signal === "SIGKILL" && part !== "postgres") await this.#patroni.kill();
  }

  /** True if Patroni says that this member is the primary and its PostgreSQL accepts writes. */
  async isPrimary(): Promise<boolean> {
    return (await this.#ask("primary"))?.status === 200;
  }

  /** The states of all members; `undefined` if this one does not answer. */
  async cluster(): Promise<readonly MemberState[] | undefined> {
    const answer = await this.#ask("cluster");
    // The time limit may also pass while the body is read.
    const body = await answer?.json().catch(() => undefined);
    return (body as { readonly members?: readonly MemberState[] } | undefined)?.members;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signal("machine", "SIGKILL");
  }

  async #ask(path: string): Promise<Response | undefined> {
    const url = `http://127.0.0.1:${this.restPort}/${path}`;
    return await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
  }

  /** The process id of PostgreSQL; `undefined` while it does not run. */
  #postmaster(): number | undefined {
    try {
      const [pid] = readFileSync(join(this.#options.folder, "postgres", "postmaster.pid"), "utf8").split("\n");
      return pid === undefined || !sendSignal(Number(pid), 0) ? undefined : Number(pid);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw thrown;
    }
  }
}

/** Returns false if there is no such process. */
function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw thrown;
  }
}
