import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { JobProgress } from "../../gen/sealwire/v1/job.ts";
import type { Event } from "./history.ts";

/*
 * An upstream of the campaign: a plain gRPC server. It writes its effects to the journal, synced, before it answers. On
 * SIGTERM it answers its open calls with UNAVAILABLE and ends.
 */

/** The orders of an upstream, in CRASH_UPSTREAM. */
export interface UpstreamOrders {
  /** Path of the unix socket. */
  readonly socket: string;
  /** The service of crash.v1 to serve. Only the second one recognises repeated calls. */
  readonly service: "PlainToolService" | "KeyedToolService";
  /** The file to which tools write their events, one per line. */
  readonly journal: string;
  /** When it kills itself: the pass through this point by which it does. */
  readonly failpoint?: { readonly point: UpstreamPoint; readonly count: number } | undefined;
}

/** A point of a run at which an upstream can be killed. */
export type UpstreamPoint = "run" | "effect" | "answer";

/** Ends a call; "left" answers that the upstream is leaving. */
type End = (end: "left" | { readonly token: number }) => void;

/** The parts of a call to any tool. */
interface Run {
  readonly forMs: number;
  readonly metadata: Metadata;
  /** True once the call was answered or cancelled. */
  readonly isOver: () => boolean;
  readonly progress: (step: number) => void;
  readonly answer: (token: number) => void;
}

const STEPS = 3;
const LEAVING: Partial<ServiceError> = { code: status.UNAVAILABLE, details: "the upstream is leaving" };

const orders = JSON.parse(process.env.CRASH_UPSTREAM ?? "") as UpstreamOrders;
const { service, socket, journal, failpoint } = orders;
const name = `crash.v1.${service}`;
const open = new Set<End>();
/** The token of each effect by its idempotency key. */
const effects = service === "KeyedToolService" ? readEffects() : undefined;
const health = new HealthImplementation({ [name]: "SERVING" });
const server = new Server();
let left = failpoint?.count ?? 0;
let leaving = false;

process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.channel?.unref();
process.once("SIGTERM", leave);
health.addToServer(server);
server.addService(
  service === "PlainToolService"
    ? { charge: method("Charge"), carry: method("Carry"), stream: method("Stream", true) }
    : { charge: method("ChargeByKey") },
  service === "PlainToolService"
    ? { charge: unary(charge), carry: unary(work), stream: streamed }
    : { charge: unary(charge) },
);
// The socket of a killed process is still there.
rmSync(socket, { force: true });
server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write("ready\n");
});

/** Takes effect, once per key if it recognises repeated calls. */
async function charge({ forMs, metadata, isOver, answer }: Run): Promise<void> {
  await delay(forMs / 2);
  if (isOver()) return;
  pass("run");
  const key = text(metadata, "sealwire-idempotency-key");
  const known = effects?.get(key);
  const token = known ?? makeToken();
  if (known === undefined) {
    const intent = { client: text(metadata, "sealwire-client-id"), requestId: text(metadata, "sealwire-request-id") };
    tell({ kind: "took effect", ...intent, key, outcome: String(token), onMs: Date.now() });
    effects?.set(key, token);
  }
  pass("effect");
  await delay(forMs / 2);
  answer(token);
  pass("answer");
}

/** Runs an attempt of a job. Some do not react when they are cancelled. */
async function work({ forMs, metadata, isOver, progress, answer }: Run): Promise<void> {
  const attempt = { jobId: text(metadata, "sealwire-job-id"), attempt: Number(text(metadata, "sealwire-attempt")) };
  tell({ kind: "attempt began", ...attempt, pid: process.pid, onMs: Date.now() });
  pass("run");
  const heeds = Math.random() < 0.8;
  for (let step = 1; step <= STEPS; step += 1) {
    await delay(forMs / STEPS);
    if (heeds && isOver()) return;
    progress(step);
  }
  const token = makeToken();
  tell({ kind: "attempt returned", ...attempt, outcome: String(token) });
  pass("effect");
  answer(token);
  pass("answer");
}

function unary(tool: (run: Run) => Promise<void>) {
  return (
    call: ServerUnaryCall<BatchSumRequest, Uint8Array>,
    reply: (error: Partial<ServiceError> | null, output?: Uint8Array) => void,
  ): void => {
    const end: End = (how) => (how === "left" ? reply(LEAVING) : reply(null, output(how.token)));
    begin(tool, { call, end, progress: () => {} });
  };
}

function streamed(call: ServerWritableStream<BatchSumRequest, Uint8Array>): void {
  call.on("error", () => {});
  const end: End = (how) => {
    if (how === "left") return void call.emit("error", LEAVING);
    call.write(output(how.token));
    call.end();
  };
  begin(work, { call, end, progress: (step) => call.write(progressOf(step)) });
}

/** Runs a tool for a call, which is answered once at most. */
function begin(
  tool: (run: Run) => Promise<void>,
  {
    call,
    end,
    progress,
  }: {
    readonly call: ServerUnaryCall<BatchSumRequest, Uint8Array> | ServerWritableStream<BatchSumRequest, Uint8Array>;
    readonly end: End;
    readonly progress: (step: number) => void;
  },
): void {
  if (leaving) {
    end("left");
    return;
  }
  const [forMs = 0] = call.request.numbers;
  const isOver = (): boolean => !open.has(end);
  open.add(end);
  call.on("cancelled", () => open.delete(end));
  void tool({
    forMs,
    metadata: call.metadata,
    isOver,
    progress: (step) => isOver() || progress(step),
    answer: (token) => open.delete(end) && end({ token }),
  });
}

function leave(): void {
  leaving = true;
  health.setStatus(name, "NOT_SERVING");
  for (const end of open) end("left");
  open.clear();
  server.tryShutdown(() => process.exit(0));
}

/** Kills this process if the failpoint is here. */
function pass(point: UpstreamPoint): void {
  if (failpoint?.point !== point) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
}

/** The effects of earlier processes. */
function readEffects(): Map<string, number> {
  const lines = readFileSync(journal, "utf8").split("\n");
  const events = lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Event);
  return new Map(
    events.flatMap((event) =>
      event.kind === "took effect" && event.key !== undefined ? [[event.key, Number(event.outcome)]] : [],
    ),
  );
}

function tell(event: Event): void {
  const file = openSync(journal, "a");
  // Starts with a line break, because the previous writer may have been killed within its line.
  writeSync(file, `\n${JSON.stringify(event)}\n`);
  fsyncSync(file);
  closeSync(file);
}

function makeToken(): number {
  return Math.floor(Math.random() * 2 ** 50);
}

function text(metadata: Metadata, key: string): string {
  return String(metadata.get(key)[0] ?? "");
}

function output(token: number): Uint8Array {
  return BatchSumResponse.encode({ count: 1, total: token }).finish();
}

/** A StreamResponse of crash.v1 with progress. */
function progressOf(step: number): Uint8Array {
  const progress = JobProgress.encode({ completed: BigInt(step), total: BigInt(STEPS), message: "" }).finish();
  return new BinaryWriter().uint32(26).bytes(progress).finish();
}

function method(method: string, responseStream = false) {
  return {
    path: `/${name}/${method}`,
    requestStream: false,
    responseStream,
    requestSerialize: (request: BatchSumRequest) => Buffer.from(BatchSumRequest.encode(request).finish()),
    requestDeserialize: (bytes: Buffer) => BatchSumRequest.decode(bytes),
    responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
    responseDeserialize: (bytes: Buffer) => bytes,
  };
}
