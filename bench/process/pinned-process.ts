import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Answer, Question, Questions } from "./answering.ts";

/** Options of a {@link PinnedProcess}. */
export interface PinnedProcessOptions {
  /** The module to run. It must call `answerParent`. */
  readonly file: string;
  /** Cores in the format of `taskset -c`; `undefined`: not pinned. */
  readonly cores: string | undefined;
  /** Command-line flags of Node. */
  readonly flags?: readonly string[];
}

const GRACE_MS = 10_000;

/** A child process, pinned to cores, that answers the questions `Q`. */
export class PinnedProcess<Q extends Questions> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #questions = 0;

  constructor({ file, cores, flags = [] }: PinnedProcessOptions) {
    const command = [process.execPath, ...flags, file];
    const [program = "", ...args] = cores === undefined ? command : ["taskset", "-c", cores, ...command];
    this.#child = spawn(program, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#child.on("message", (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    this.#child.on("exit", (code, signal) => {
      for (const [id, settle] of this.#waiting) settle({ id, error: `${file} ended with ${signal ?? code}` });
      this.#waiting.clear();
    });
  }

  /** Asks a question and waits for the answer. Throws the error of the process, or an error if it has ended. */
  async ask<K extends keyof Q & string>(name: K, argument: Parameters<Q[K]>[0]): Promise<Awaited<ReturnType<Q[K]>>> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#questions += 1;
      const question: Question = { id: this.#questions, name, argument };
      this.#waiting.set(question.id, resolve);
      this.#child.send(question, (error) => {
        if (error !== null) resolve({ id: question.id, error: error.message });
      });
    });
    if ("error" in answer) throw new Error(answer.error);
    return answer.value as Awaited<ReturnType<Q[K]>>;
  }

  /** Disconnects the process, which ends it, and kills it if it does not end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), GRACE_MS);
    await ended;
    clearTimeout(timer);
  }
}
