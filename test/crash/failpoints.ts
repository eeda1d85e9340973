import { StatementSync } from "node:sqlite";
import pg from "pg";

/** The statements, and the points of a run, at which a fault can be injected. */
export const SITES = {
  commit: /^COMMIT/,
  submit: /INSERT INTO job \(/,
  claim: /attempt = attempt \+ 1/,
  progress: /UPDATE job SET state = 'RUNNING', revision = revision \+ 1, progress/,
  settle: /UPDATE job SET state = '(?:SUCCEEDED|FAILED|CANCELLED|QUEUED)'/,
  nonce: /INSERT INTO nonce|claim_frames\(/,
  sweep: /DELETE FROM nonce|TRUNCATE nonce|SET replay_floor_ms/,
  intent: /INSERT INTO intent|UPDATE intent/,
  migrate: /CREATE TABLE|CREATE FUNCTION|INSERT INTO store_state/,
  /** A handler is about to begin. */
  run: /^run$/,
  /** A handler is about to return. */
  return: /^return$/,
} as const;

/** A point at which a fault is injected into a process. */
export interface Failpoint {
  readonly site: keyof typeof SITES;
  readonly side: "before" | "after";
  /** The number of the pass through the site that triggers the fault. */
  readonly count: number;
  /** SIGKILL; SIGSTOP; or a connection to the database that breaks before the answer. */
  readonly action: "kill" | "freeze" | "sever";
}

/** Triggers the failpoint in this process once. */
export class Striker {
  readonly #failpoint: Failpoint | undefined;
  #left: number;

  constructor(failpoint: Failpoint | undefined) {
    this.#failpoint = failpoint;
    this.#left = failpoint?.count ?? 0;
  }

  /** Returns true if the fault was triggered and the process continues. */
  strikes(text: string, side: Failpoint["side"]): boolean {
    const { site, side: where, action } = this.#failpoint ?? {};
    if (site === undefined || side !== where || !SITES[site].test(text)) return false;
    this.#left -= 1;
    if (this.#left !== 0) return false;
    if (action !== "sever") process.kill(process.pid, action === "kill" ? "SIGKILL" : "SIGSTOP");
    return true;
  }
}

/** Calls a striker before and after every statement of this process, on either engine. */
export function watchStatements(striker: Striker): void {
  for (const method of ["run", "get", "all"] as const) {
    const original = StatementSync.prototype[method] as (...values: unknown[]) => unknown;
    StatementSync.prototype[method] = function (this: StatementSync, ...values: unknown[]) {
      const text = this.sourceSQL.trim();
      striker.strikes(text, "before");
      const result = original.apply(this, values);
      striker.strikes(text, "after");
      return result;
    } as never;
  }

  type Query = (this: pg.Client, query: string | { text: string }, ...more: unknown[]) => Promise<unknown>;
  const query = pg.Client.prototype.query as unknown as Query;
  pg.Client.prototype.query = async function (this: pg.Client, asked: string | { text: string }, ...more: unknown[]) {
    const text = (typeof asked === "string" ? asked : asked.text).trim();
    if (striker.strikes(text, "before")) return await sever(this);
    const result = await query.call(this, asked, ...more);
    if (striker.strikes(text, "after")) return await sever(this);
    return result;
  } as never;
}

/** Breaks the connection as a network failure does. The database keeps its changes. */
async function sever(client: pg.Client): Promise<never> {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  throw new Error("Connection terminated unexpectedly");
}
