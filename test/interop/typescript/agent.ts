import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import {
  type CallOptions,
  type Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials as grpcCredentials,
  Metadata,
  type ServiceError,
  status as Status,
} from "@grpc/grpc-js";
import type { BatchSumRequest, BatchSumResponse } from "../../../gen/sealwire/demo/v1/batch_sum.ts";
import type { DemoToolServiceClient } from "../../../gen/sealwire/demo/v1/demo_tool_service.ts";
import type { ToolPins } from "../../../src/client/pins/tool-pins.ts";
import { isWireReason } from "../../../src/errors.ts";
import {
  fileCredentials,
  type JobSnapshot,
  type JobState,
  parseCredentials,
  SealwireClient,
  SealwireError,
  type StubClass,
} from "../../../src/exports/client.ts";
import { type Codec, Generated } from "./generated.ts";
import { randomEcho, randomNumbers } from "./random-echo.ts";

/* The agent in TypeScript: node agent.ts FOLDER, which holds what ts-proto has generated (test/interop/AGENT.md). */

/** The fields of a command. Each operation reads those that it has. */
interface Fields {
  readonly channel: string;
  readonly credentials: string;
  readonly environment?: boolean;
  readonly inline?: object;
  readonly plain?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly pins?: Readonly<Record<string, string>>;
  readonly method: string;
  readonly request: unknown;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly target: number;
  readonly tool: string;
  readonly requestType: string;
  readonly responseType: string;
  readonly requestId?: string;
  readonly jobId: string;
  readonly afterRevision?: number;
  readonly states?: readonly JobState[];
  readonly pageSize?: number;
  readonly count: number;
  readonly concurrency: number;
  readonly seed: number;
}

type Tell = (event: object) => void;
type Operation = (fields: Fields, tell: Tell, signal: AbortSignal) => Promise<object>;

/** A channel: a client of Sealwire, or an address that is called without. */
interface OpenChannel {
  readonly client: SealwireClient | undefined;
  readonly stubs: Map<string, Promise<Client>>;
  readonly make: (Stub: StubClass<Client>) => Client;
}

const SUM = { numbers: [1, 2, 3.5] };
const PROBLEMS_MOST = 5;
const WATCHES_AT_ONCE = 50;
const RANDOM_AT_ONCE = 16;

const generated = new Generated(process.argv[2] ?? ".");
const channels = new Map<string, OpenChannel>();
const running = new Map<number, AbortController>();

const operations: Readonly<Record<string, Operation>> = {
  open: async (fields) => {
    channels.set(fields.channel, await openChannel(fields));
    return {};
  },

  close: async ({ channel: name }) => {
    await closeChannel(channelOf(name));
    channels.delete(name);
    return {};
  },

  call: async ({ channel, method: path, request, metadata = {}, timeoutMs }, tell, signal) => {
    const [service = "", name = ""] = String(path).split("/");
    const { methods } = await generated.service(service);
    const method = methods.get(name);
    if (method === undefined) throw new Error(`${path} is not generated`);
    const stub = (await stubOf(channel, service)) as unknown as Readonly<
      Record<string, (request: unknown, metadata: Metadata, options: CallOptions, callback?: unknown) => never>
    >;
    const sent = new Metadata();
    for (const [key, value] of Object.entries(metadata)) sent.set(key, String(value));
    const options: CallOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    const message = method.request.fromJSON(request);
    const told: Record<string, string> = {};
    const note = (received: Metadata): void => {
      for (const [key, value] of Object.entries(received.getMap()))
        if (key.startsWith("sealwire-")) told[key] = String(value);
    };
    const ended = Promise.withResolvers<object>();
    const fail = (error: ServiceError): void => ended.resolve({ ...failureOf(error), metadata: told });
    let calling: ClientUnaryCall | ClientReadableStream<unknown>;
    if (method.isStream) {
      const stream: ClientReadableStream<unknown> = stub[method.name]?.(message, sent, options) as never;
      stream.on("data", (each) => tell({ message: method.response.toJSON(each) }));
      stream.on("error", fail);
      stream.on("end", () => setImmediate(() => ended.resolve({ status: "OK", message: "", metadata: told })));
      calling = stream;
    } else {
      calling = stub[method.name]?.(message, sent, options, (error: ServiceError | null, answer: unknown) => {
        setImmediate(() => {
          if (error !== null) fail(error);
          else ended.resolve({ status: "OK", message: "", response: method.response.toJSON(answer), metadata: told });
        });
      }) as never;
    }
    calling.on("metadata", (received: Metadata) => {
      note(received);
      tell({ metadata: told });
    });
    calling.on("status", ({ metadata: trailers }) => note(trailers));
    const cancel = (): void => calling.cancel();
    signal.addEventListener("abort", cancel);
    return await ended.promise.finally(() => signal.removeEventListener("abort", cancel));
  },

  stop: async ({ target }) => {
    running.get(target)?.abort();
    return {};
  },

  tool: async ({ channel, tool, request, requestType, responseType, requestId, timeoutMs }, _tell, signal) => {
    const args = await encoded(requestType, request);
    const options = { signal, ...(requestId && { requestId }), ...(timeoutMs && { timeoutMs }) };
    const { outputBytes = new Uint8Array() } = await clientOf(channel).call(tool, args, options);
    return ok(await generated.message(responseType), outputBytes);
  },

  start: async ({ channel, tool, request, requestType, requestId }) => {
    const args = await encoded(requestType, request);
    const { job } = await clientOf(channel).call(tool, args, requestId ? { requestId } : {});
    return { jobId: job?.jobId, requestId: job?.requestId };
  },

  watch: async ({ channel, jobId, afterRevision = 0 }, tell, signal) => {
    let state: JobState | undefined;
    for await (const job of clientOf(channel).job(jobId).watch({ afterRevision, signal })) {
      tell({ job: jobJson(job) });
      state = job.state;
    }
    return { state };
  },

  result: async ({ channel, jobId, responseType }, _tell, signal) => {
    const { value } = await clientOf(channel).job(jobId).result({ signal });
    return ok(await generated.message(responseType), value);
  },

  state: async ({ channel, jobId }) => ({ job: jobJson(await clientOf(channel).job(jobId).poll()) }),

  cancelJob: async ({ channel, jobId }) => ({ job: jobJson(await clientOf(channel).job(jobId).cancel()) }),

  listJobs: async ({ channel, tool = "", states = [], pageSize = 0 }) => {
    const jobs: object[] = [];
    let pageToken = "";
    do {
      const page = await clientOf(channel).listJobs({ tool, states, pageSize, pageToken });
      jobs.push(...page.jobs.map(jobJson));
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
    return { jobs };
  },

  watchJobs: async ({ channel, tool }, tell, signal) => {
    for await (const job of clientOf(channel).watchJobs({ signal, ...(tool && { tool }) })) tell({ job: jobJson(job) });
    return {};
  },

  many: ({ channel, count, concurrency }, tell) =>
    countEqual({ count, atOnce: concurrency }, tell, async (index) => {
      const { count: counted, total } = await batchSum(channel, { numbers: [index, 1] });
      return counted === 2 && total === index + 1 ? undefined : `${index}: ${counted} numbers, ${total} in all`;
    }),

  random: async ({ channel, count, seed }, tell) => {
    const random = randomNumbers(seed);
    const { methods } = await generated.service("interop.v1.InteropToolService");
    const { request, response } = methods.get("Echo") ?? {};
    if (request === undefined || response === undefined) throw new Error("Echo is not generated");
    const stub = (await stubOf(channel, "interop.v1.InteropToolService")) as unknown as {
      echo(request: unknown, callback: (error: ServiceError | null, answer: unknown) => void): void;
    };
    return await countEqual({ count, atOnce: RANDOM_AT_ONCE }, tell, async () => {
      const message = request.fromJSON(randomEcho(random));
      const answer = await new Promise((resolve, reject) => {
        stub.echo(message, (error, received) => (error === null ? resolve(received) : reject(error)));
      });
      return Buffer.compare(request.encode(message).finish(), response.encode(answer).finish()) === 0
        ? undefined
        : JSON.stringify([request.toJSON(message), response.toJSON(answer)]);
    });
  },

  watches: async ({ channel, jobId, count }) => {
    let left = 0;
    const leave = async (): Promise<undefined> => {
      for await (const _ of clientOf(channel).job(jobId).watch()) break;
      left += 1;
      return undefined;
    };
    await countEqual({ count, atOnce: WATCHES_AT_ONCE }, () => {}, leave);
    return { left };
  },

  resources: async () => {
    globalThis.gc?.();
    const { rss } = process.memoryUsage();
    const threads = Number(/^Threads:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
    return { memoryBytes: rss, threads, files: (await readdir("/proc/self/fd")).length };
  },

  measure: async ({ channel, count }) => {
    for (let index = 0; index < count / 10; index += 1) await batchSum(channel, SUM);
    const [before, startedAt] = [process.cpuUsage(), performance.now()];
    for (let index = 0; index < count; index += 1) await batchSum(channel, SUM);
    const { user, system } = process.cpuUsage(before);
    return { cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - startedAt) / 1e3 };
  },
};

async function openChannel({
  credentials,
  environment,
  inline,
  plain,
  ca,
  cert,
  key,
  pins,
  timeoutMs,
}: Fields): Promise<OpenChannel> {
  const stubs = new Map<string, Promise<Client>>();
  if (plain !== undefined) {
    const make = (Stub: StubClass<Client>): Client => new Stub(plain, grpcCredentials.createInsecure());
    return { client: undefined, stubs, make };
  }
  const path = environment ? (process.env.SEALWIRE_CREDENTIALS ?? "") : credentials;
  const source = inline ? parseCredentials(Buffer.from(JSON.stringify(inline))) : await fileCredentials({ path });
  const tls = {
    ...(ca && { rootCertificates: readFileSync(ca) }),
    ...(cert && key && { certificateChain: readFileSync(cert), privateKey: readFileSync(key) }),
  };
  const client = new SealwireClient({
    credentials: source,
    ...(timeoutMs && { timeoutMs }),
    ...(ca && { tls }),
    ...(pins && { pins: fixedPins(pins) }),
  });
  return { client, stubs, make: (Stub) => client.stub(Stub) };
}

/** Accepts these definitions, and all of other tools. */
function fixedPins(digests: Readonly<Record<string, string>>): ToolPins {
  return {
    check: async (_serverId, { name, digest }) => {
      const pinned = digests[name];
      if (pinned === undefined || pinned === digest) return { kind: "accepted", isNew: false };
      return { kind: "changed", pinned, difference: [] };
    },
  };
}

async function closeChannel({ client, stubs }: OpenChannel): Promise<void> {
  for (const stub of stubs.values()) (await stub).close();
  client?.close();
}

function channelOf(name: string): OpenChannel {
  const channel = channels.get(name);
  if (channel === undefined) throw new Error(`no channel ${name} is open`);
  return channel;
}

function clientOf(name: string): SealwireClient {
  const { client } = channelOf(name);
  if (client === undefined) throw new Error(`channel ${name} is an ordinary one`);
  return client;
}

function stubOf(name: string, service: string): Promise<Client> {
  const { stubs, make } = channelOf(name);
  const made = stubs.get(service) ?? generated.service(service).then(({ Stub }) => make(Stub));
  stubs.set(service, made);
  return made;
}

async function batchSum(channel: string, request: BatchSumRequest): Promise<BatchSumResponse> {
  const stub = (await stubOf(channel, "sealwire.demo.v1.DemoToolService")) as DemoToolServiceClient;
  return await new Promise((resolve, reject) => {
    stub.batchSum(request, (error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/** Runs a check so often, some at a time. A check resolves to a problem, or to nothing if all is equal. */
async function countEqual(
  { count, atOnce }: { readonly count: number; readonly atOnce: number },
  tell: Tell,
  check: (index: number) => Promise<string | undefined>,
): Promise<object> {
  let [next, equal, problems] = [0, 0, 0];
  const work = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      const problem = await check(next - 1).catch(String);
      if (problem === undefined) equal += 1;
      else if (++problems <= PROBLEMS_MOST) tell({ problem });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { equal };
}

async function encoded(type: string, request: unknown) {
  const codec = await generated.message(type);
  return { typeUrl: `type.googleapis.com/${type}`, value: codec.encode(codec.fromJSON(request)).finish() };
}

function ok(codec: Codec, bytes: Uint8Array): object {
  return { status: "OK", message: "", response: codec.toJSON(codec.decode(bytes)) };
}

function jobJson({ state, revision, error, ...job }: JobSnapshot): object {
  return { ...job, state: `JOB_STATE_${state}`, revision: String(revision), error: error && errorJson(error) };
}

function errorJson({ reason, message, violations }: Pick<SealwireError, "reason" | "message" | "violations">): object {
  return { reason: `ERROR_REASON_${reason}`, message, violations };
}

/** The answer of a command that has failed with a status; otherwise throws. */
function failureOf(thrown: unknown): object {
  const cause = thrown instanceof SealwireError ? thrown : (thrown as Error).cause;
  const error = cause instanceof SealwireError ? cause : undefined;
  const isService = !(thrown instanceof SealwireError) && "code" in (thrown as object);
  const status = isService ? Status[(thrown as ServiceError).code] : error?.status;
  if (status === undefined) throw thrown;
  const { message } = thrown as Error;
  if (error?.reason === "RESPONSE_UNVERIFIED") return { status: "DATA_LOSS", message, unverified: true };
  return { status, message, ...(error !== undefined && isWireReason(error.reason) && { error: errorJson(error) }) };
}

async function carryOut({ id, op, ...fields }: Fields & { readonly id: number; readonly op: string }): Promise<void> {
  const tell = (line: object): void => void process.stdout.write(`${JSON.stringify({ id, ...line })}\n`);
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const operation = operations[op];
    if (operation === undefined) throw new Error(`there is no op ${op}`);
    tell(
      await operation(fields, (event) => tell({ event }), stop.signal).catch((thrown) => {
        if (op === "open") throw thrown;
        return failureOf(thrown);
      }),
    );
  } catch (thrown) {
    if (stop.signal.aborted) tell({});
    else tell({ failure: thrown instanceof Error ? thrown.message : String(thrown) });
  } finally {
    running.delete(id);
  }
}

for await (const line of createInterface({ input: process.stdin })) void carryOut(JSON.parse(line));
for (const channel of channels.values()) await closeChannel(channel);
