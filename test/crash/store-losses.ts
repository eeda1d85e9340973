import { ExitCode } from "../../src/cli/output/exit-code.ts";
import { removeAll } from "./file-harms.ts";
import type { History } from "./history.ts";
import type { Ended } from "./replica.ts";
import type { Site } from "./site.ts";

/** Exit codes of a server that finds its store lost or damaged. */
const ENDS_WITHOUT_STORE: ReadonlySet<number | null> = new Set([ExitCode.usage, ExitCode.store]);

/** Tells what the faults did to the content of a store, and does with a damaged one what an operator does. */
export class StoreLosses {
  readonly #site: Site;
  readonly #history: History;
  /** When the store was lost, Unix milliseconds; `undefined` if it has been renewed. */
  #lostMs: number | undefined;
  /** Whether files of the store were ever harmed. */
  #harmed = false;
  #damaged = false;

  constructor(site: Site, history: History) {
    this.#site = site;
    this.#history = history;
  }

  /** Whether the store is so damaged that no process can start. */
  get isDamaged(): boolean {
    return this.#damaged;
  }

  /** Records that the current content of the store may be lost. */
  lost(how: string): void {
    this.#lostMs = Date.now();
    this.#harmed = this.#site.scenario.strikes === "files";
    this.#history.note({ kind: "store lost", how });
  }

  /** Records that the store was renewed and must keep its promises from now on. */
  renewed(): void {
    this.#lostMs = undefined;
    this.#history.note({ kind: "store renewed", onMs: Date.now() });
  }

  /** Whether a process that started at `bornMs`, Unix milliseconds, and is ready has a new store. */
  isRenewedBy(bornMs: number): boolean {
    return this.#harmed && this.#lostMs !== undefined && bornMs >= this.#lostMs;
  }

  /** Deletes a damaged store. No process may run. */
  clear(): void {
    if (this.#damaged) removeAll(this.#site.storePath);
    this.#damaged = false;
  }

  /** How the losses explain the end of a process; `undefined` if they do not. */
  explain({ code }: Ended, wasReady: boolean): string | undefined {
    // A log that is deleted during a checkpoint leaves a damaged store, which may show only later.
    if (this.#harmed && !wasReady && code === ExitCode.store) {
      this.#damaged = true;
      if (this.#lostMs === undefined) this.lost("damaged");
      return "damaged at a start";
    }
    return this.#lostMs !== undefined && ENDS_WITHOUT_STORE.has(code) ? "ended without its store" : undefined;
  }
}
