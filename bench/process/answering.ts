/** What a process of the benchmark can be asked: named functions of one argument, which travels by structured clone. */
export type Questions = Readonly<Record<string, (argument: never) => unknown>>;

/** The answer to a question, or why there is none. */
export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/** A question on its way to a process. */
export interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

/** Answers the parent's questions until it goes away; then cleans up, and this process ends, too. */
export function answerParent(questions: Questions, cleanUp: () => unknown = () => {}): void {
  process.on("message", ({ id, name, argument }: Question) => {
    const send = (answer: Answer): void => void process.send?.(answer);
    void (async () => questions[name]?.(argument as never))().then(
      (value) => send({ id, value }),
      (error: Error) => send({ id, error: error.stack ?? String(error) }),
    );
  });
  process.on("disconnect", () => {
    void (async () => cleanUp())().finally(() => process.exit());
  });
}
