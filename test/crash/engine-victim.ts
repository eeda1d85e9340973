import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Ended, Victim } from "./crash-rounds.ts";

/** What engine-process.ts is asked. */
export type EngineQuestion = { readonly id: number } & (
  | { readonly ask: "submit"; readonly requestId: string }
  | { readonly ask: "ended" | "open" }
);

/** What engine-process.ts answers. The answer 0 comes unasked, when the store is open. */
export interface EngineAnswer {
  readonly id: number;
  readonly value: unknown;
}

/** A process that owns an embedded store. */
export class EngineVictim implements Victim {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #exit: Promise<number | null>;
  #questions = 0;
  #gone = false;

  static async start(path: string, journal: string): Promise<EngineVictim> {
    const victim = new EngineVictim(fork(join(import.meta.dirname, "engine-process.ts"), [path, journal]));
    await victim.#answerTo(0);
    return victim;
  }

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = once(child, "exit").then(([code]) => {
      this.#gone = true;
      for (const { reject } of this.#waiting.values()) reject(new Error("the process is gone"));
      return code;
    });
    child.on("message", ({ id, value }: EngineAnswer) => {
      this.#waiting.get(id)?.resolve(value);
      this.#waiting.delete(id);
    });
  }

  submit(requestId: string): Promise<string> {
    return this.#ask({ ask: "submit", requestId }) as Promise<string>;
  }

  ended(): Promise<readonly Ended[]> {
    return this.#ask({ ask: "ended" }) as Promise<readonly Ended[]>;
  }

  open(): Promise<number> {
    return this.#ask({ ask: "open" }) as Promise<number>;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exit;
  }

  terminate(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.#exit;
  }

  #ask(question: { ask: "submit"; requestId: string } | { ask: "ended" | "open" }): Promise<unknown> {
    this.#questions += 1;
    const answer = this.#answerTo(this.#questions);
    if (!this.#gone) this.#child.send({ id: this.#questions, ...question }, () => {});
    return answer;
  }

  #answerTo(id: number): Promise<unknown> {
    if (this.#gone) return Promise.reject(new Error("the process is gone"));
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    return answer.promise;
  }
}
