import { assert } from "../../support/suite.ts";
import type { InteropServer } from "../interop-server.ts";
import type { AgentProcess, Answer, Running } from "./agent-process.ts";

/** How many calls the cases with many of them make. */
export interface Counts {
  readonly concurrentCalls: number;
  readonly randomCalls: number;
  readonly watches: number;
}

/** What a case has at hand. */
export interface CaseContext {
  readonly agent: AgentProcess;
  /** Starts another agent with these environment variables; dispose it. */
  readonly agentWith: (env: Readonly<Record<string, string>>) => AgentProcess;
  readonly server: InteropServer;
  /** The credentials file of channel {@link MAIN}. */
  readonly credentials: string;
  /** An empty folder. */
  readonly folder: string;
  readonly counts: Counts;
}

/** What a client in any language must do. */
export interface ClientCase {
  readonly name: string;
  run(context: CaseContext): Promise<void>;
}

/** The channel to the server that every case finds open. */
export const MAIN = "main";

export const BATCH_SUM = "sealwire.demo.v1.DemoToolService/BatchSum";
export const START_LONG_TASK = "sealwire.demo.v1.DemoToolService/StartLongTask";
export const ECHO = "interop.v1.InteropToolService/Echo";
export const SLEEP = "interop.v1.InteropToolService/Sleep";
export const RECORD = "interop.v1.InteropToolService/Record";
export const CLIMB = "interop.v1.InteropToolService/Climb";

/** What a call is given beside its request. */
export interface StubOptions {
  readonly channel?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Begins a call of a generated stub. */
export function beginCall(agent: AgentProcess, method: string, request: object, options: StubOptions = {}): Running {
  return agent.begin("call", { channel: MAIN, method, request, ...options });
}

/** Calls a method of a generated stub. */
export function call(agent: AgentProcess, method: string, request: object, options?: StubOptions): Promise<Answer> {
  return beginCall(agent, method, request, options).answer;
}

/** Calls BatchSum and checks the sum. */
export async function checkSum(agent: AgentProcess, options?: StubOptions): Promise<Answer> {
  const answer = await call(agent, BATCH_SUM, { numbers: [1, 2, 3.5] }, options);
  assert.is(answer.status, "OK", JSON.stringify(answer));
  assert.equal(answer.response, { count: 3, total: 6.5 });
  return answer;
}

/** Opens a channel, runs the body, closes the channel. */
export async function withChannel(
  agent: AgentProcess,
  options: object,
  body: (channel: string) => Promise<void>,
): Promise<void> {
  const channel = `channel-${Math.random()}`;
  const opened = await agent.run("open", { channel, ...options });
  assert.is(opened.failure, undefined);
  try {
    await body(channel);
  } finally {
    await agent.run("close", { channel });
  }
}

/** The status and the reason of an answer. */
export function verdict({ status, error }: Answer): string {
  const reason = error?.reason?.replace("ERROR_REASON_", "");
  return reason === undefined ? String(status) : `${status} ${reason}`;
}
