import { appendFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { SealwireError } from "../../src/errors.ts";
import type { ToolContext } from "../../src/tools/handler.ts";
import { testService } from "../support/test-service.ts";
import { goAstray } from "./astray.ts";
import { type Failpoint, Striker, watchStatements } from "./failpoints.ts";
import type { Event } from "./history.ts";
import { PLANTED_FAULTS, type PlantedFault, rewriteSql } from "./planted-faults.ts";

/*
 * The tools module of the campaign's servers and workers, loaded with `--tools`. It installs the failpoints, of which
 * the command line itself contains none. `store migrate` loads it with `--import`.
 */

/** The orders of a victim, in CRASH_ORDERS. */
export interface Orders {
  /** The file to which handlers write their events, one per line. */
  readonly journal: string;
  readonly failpoint?: Failpoint | undefined;
  readonly plant?: PlantedFault | undefined;
  /** `maxAheadMs` of the window of a new store. */
  readonly maxAheadMs?: number | undefined;
  /** Offset of its clock from the system clock at the start. */
  readonly clockOffsetMs: number;
}

/** A clock change that is sent to a running victim. */
export interface ClockSetting {
  readonly clockOffsetMs: number;
}

/**
 * Maintenance tasks run more often, so that short-lived processes run them. Longer intervals are kept with a database,
 * because connecting may take 5 s.
 */
const HASTENED_FROM_MS = process.argv.includes("--store") ? [30_000] : [5_000, 30_000];
const HASTENED_TO_MS = 700;

const orders = JSON.parse(process.env.CRASH_ORDERS ?? "") as Orders;
const striker = new Striker(orders.failpoint);
watchStatements(striker);
if (orders.maxAheadMs !== undefined) setWindowOfNewStore(orders.maxAheadMs);
if (orders.plant !== undefined) PLANTED_FAULTS[orders.plant]();
const machineNow = Date.now;
setClock(orders);
hastenChores();
process.on("message", setClock);
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.channel?.unref();
setImmediate(flushCompileCache);

const SOON = {
  initialBackoff: { seconds: 0n, nanos: 20_000_000 },
  maxBackoff: { seconds: 0n, nanos: 200_000_000 },
};
const service = testService({
  Toil: {
    job: {
      maxAttempts: 50,
      ...SOON,
      cancelGrace: { seconds: 0n, nanos: 300_000_000 },
    },
    run: ([forMs = 0], context) => toil(forMs, context),
  },
  Block: { job: {}, run: ([forMs = 0], context) => block(forMs, context) },
  Linger: { job: {}, run: ([forMs = 0], context) => linger(forMs, context) },
  StrayJob: { job: { maxAttempts: 3, ...SOON }, run: ([way = 0], context) => strayJob(way, context) },
  StrayCall: { run: ([way = 0]) => strayCall(way) },
  Pay: {
    run(_, { clientId, requestId }) {
      tell({ kind: "took effect", client: clientId, requestId, outcome: "1", onMs: machineNow() });
      return 1;
    },
  },
});
/** The tools for `--tools`. */
export const tools = [service.tools];
/** The contract of the tools. */
export const descriptors = [service.descriptors];

async function toil(forMs: number, { jobId = "", attempt, signal, progress }: ToolContext): Promise<number> {
  striker.strikes("run", "before");
  began(jobId, attempt);
  // Some handlers ignore their signal and must be cut off.
  const heeds = Math.random() < 0.8 ? { signal } : {};
  for (let step = 0; step < 3; step += 1) {
    progress(step, 3);
    await delay(forMs / 3, undefined, heeds);
  }
  if (Math.random() < 0.1) {
    tell({ kind: "attempt failed", jobId, attempt });
    throw new SealwireError("TOOL_FAILED", "bad luck", { retryable: Math.random() < 0.7 });
  }
  return handOver(jobId, attempt);
}

/** Blocks the whole process, in the first attempt only. */
function block(forMs: number, { jobId = "", attempt }: ToolContext): number {
  began(jobId, attempt);
  if (attempt === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
  return handOver(jobId, attempt);
}

/** Waits, in the first attempt only. */
async function linger(forMs: number, { jobId = "", attempt }: ToolContext): Promise<number> {
  began(jobId, attempt);
  if (attempt === 1) await delay(forMs);
  return handOver(jobId, attempt);
}

/** Starts stray work. It may fail its own attempt, but no other call. */
async function strayJob(way: number, { jobId = "", attempt }: ToolContext): Promise<number> {
  began(jobId, attempt);
  tell({ kind: "attempt failed", jobId, attempt });
  await goAstray(way);
  return handOver(jobId, attempt);
}

async function strayCall(way: number): Promise<number> {
  await goAstray(way);
  return 1;
}

/** Returns a result that is unique to the attempt. */
function handOver(jobId: string, attempt: number): number {
  const token = Math.floor(Math.random() * 2 ** 50);
  tell({ kind: "attempt returned", jobId, attempt, outcome: String(token) });
  striker.strikes("return", "before");
  return token;
}

function began(jobId: string, attempt: number): void {
  tell({ kind: "attempt began", jobId, attempt, pid: process.pid, onMs: machineNow() });
}

function tell(event: Event): void {
  // Starts with a line break, because the previous writer may have been killed within its line.
  appendFileSync(orders.journal, `\n${JSON.stringify(event)}\n`);
}

function setClock({ clockOffsetMs }: ClockSetting): void {
  Date.now = () => machineNow() + clockOffsetMs;
}

function setWindowOfNewStore(maxAheadMs: number): void {
  rewriteSql((sql) => sql.replace(/(max_ahead_ms INTEGER NOT NULL DEFAULT) \d+/, `$1 ${maxAheadMs}`));
}

function hastenChores(): void {
  const { setTimeout: original } = globalThis;
  globalThis.setTimeout = ((callback: () => void, delayMs: number, ...more: []) =>
    original(callback, HASTENED_FROM_MS.includes(delayMs) ? HASTENED_TO_MS : delayMs, ...more)) as typeof setTimeout;
}
