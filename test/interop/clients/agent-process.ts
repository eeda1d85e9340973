import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { eventually } from "../../support/eventually.ts";

/** How an agent is started. */
export interface AgentCommand {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A `sealwire.v1.Error` in JSON. */
export interface ErrorJson {
  readonly reason?: string;
  readonly message?: string;
  readonly violations?: readonly { readonly field?: string; readonly ruleId?: string }[];
}

/** A `sealwire.v1.Job` in JSON. */
export interface JobJson {
  readonly jobId: string;
  readonly state: string;
  readonly tool?: string;
  readonly requestId?: string;
  readonly revision?: string;
  readonly error?: ErrorJson;
}

/** The last line of a command; test/interop/AGENT.md says which fields each command has. */
export interface Answer {
  readonly failure?: string;
  readonly status?: string;
  readonly message?: string;
  readonly response?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly error?: ErrorJson;
  readonly unverified?: boolean;
  readonly jobId?: string;
  readonly requestId?: string;
  readonly job?: JobJson;
  readonly jobs?: readonly JobJson[];
  readonly state?: string;
  readonly equal?: number;
  readonly left?: number;
  readonly memoryBytes?: number;
  readonly tasks?: number;
  readonly threads?: number;
  readonly files?: number;
  readonly cpuSeconds?: number;
  readonly seconds?: number;
}

/** A line of a command before its last. */
export interface AgentEvent {
  readonly message?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly job?: JobJson;
  readonly problem?: string;
}

/** A command that an agent carries out. */
export interface Running {
  readonly id: number;
  readonly events: readonly AgentEvent[];
  readonly answer: Promise<Answer>;
}

interface Pending {
  readonly events: AgentEvent[];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: Error) => void;
}

/** The program of one language that does what it is told through that language's package. */
export class AgentProcess implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #pending = new Map<number, Pending>();
  #ids = 0;
  /** What it has written to standard error. */
  stderr = "";

  constructor({ command: [program = "", ...args], env = {} }: AgentCommand) {
    const { SEALWIRE_CREDENTIALS: _unset, ...inherited } = process.env;
    this.#child = spawn(program, args, { env: { ...inherited, ...env } });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#child.stdin.on("error", () => {});
    this.#closed = once(this.#child, "close");
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#read(line));
    this.#child.once("close", (code) => this.#fail(new Error(`the agent ended with ${code}: ${this.stderr}`)));
    this.#child.once("error", (error) => this.#fail(error));
  }

  /** Gives a command. */
  begin(op: string, fields: object): Running {
    this.#ids += 1;
    const id = this.#ids;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    promise.catch(() => {});
    const events: AgentEvent[] = [];
    this.#pending.set(id, { events, resolve, reject });
    this.#child.stdin.write(`${JSON.stringify({ id, op, ...fields })}\n`);
    return { id, events, answer: promise };
  }

  /** Gives a command and waits for its answer. */
  run(op: string, fields: object): Promise<Answer> {
    return this.begin(op, fields).answer;
  }

  /** Cancels a running command as a user of the language would. */
  async stop({ id }: Running): Promise<void> {
    await this.run("stop", { target: id });
  }

  /** Ends the agent's input. Resolves to its exit code. */
  async end(): Promise<number | null> {
    this.#child.stdin.end();
    await this.#closed;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    await this.#closed;
  }

  #read(line: string): void {
    const { id, event, ...answer } = JSON.parse(line);
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new Error(`the agent answers a command that is not open: ${line}`);
    if (event !== undefined) {
      pending.events.push(event);
      return;
    }
    this.#pending.delete(id);
    pending.resolve(answer);
  }

  #fail(reason: Error): void {
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}

/** Resolves once an event of a running command fulfils the condition, to what the condition returned. */
export function eventOf<T>(what: string, running: Running, find: (event: AgentEvent) => T | undefined): Promise<T> {
  return eventually(what, async () => {
    const found = running.events.map(find).find((each) => each !== undefined);
    if (found !== undefined) return { found };
    const ended = await Promise.race([running.answer, undefined]);
    if (ended !== undefined) throw new Error(`${what}: it ended before, with ${JSON.stringify(ended)}`);
    return undefined;
  }).then(({ found }) => found);
}
