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
 * The module of tools that the campaign's servers and workers are given with `--tools`, which is how they run whatever
 * the campaign does to them: the command line itself knows of no failpoint. `store migrate` gets it by `--import`.
 */

/** What a victim is told in CRASH_ORDERS. */
export interface Orders {
  /** Where handlers write what they do, one event a line. */
  readonly journal: string;
  readonly failpoint?: Failpoint | undefined;
  readonly plant?: PlantedFault | undefined;
  /** The part of its window that a store which is made anew takes for how far ahead stamps may be. */
  readonly maxAheadMs?: number | undefined;
  /** How far its clock is from the machine's when it starts. */
  readonly clockOffsetMs: number;
}

/** What a victim is told while it runs. */
export interface ClockSetting {
  readonly clockOffsetMs: number;
}

/** Chores of the store come so often that a short life sees them. With a database connecting may take 5 s as well. */
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
      tell({ kind: "took effect", client: clientId, requestId, onMs: machineNow() });
      return 1;
    },
  },
});
/** What `--tools` takes. */
export const tools = [service.tools];
/** The contract of the tools. */
export const descriptors = [service.descriptors];

async function toil(forMs: number, { jobId = "", attempt, signal, progress }: ToolContext): Promise<number> {
  striker.strikes("run", "before");
  began(jobId, attempt);
  // Some handlers are deaf, and have to be cut off.
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

/** Holds the whole process up, in its first attempt. */
function block(forMs: number, { jobId = "", attempt }: ToolContext): number {
  began(jobId, attempt);
  if (attempt === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
  return handOver(jobId, attempt);
}

/** Takes its time, in its first attempt. */
async function linger(forMs: number, { jobId = "", attempt }: ToolContext): Promise<number> {
  began(jobId, attempt);
  if (attempt === 1) await delay(forMs);
  return handOver(jobId, attempt);
}

/** Its stray is charged to nobody else; its own attempt may fail of it. */
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

/** Gives a result that no other attempt gives. */
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
  // A line of its own, also behind one that its writer did not live to end.
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
