/** The functions of a bench process, by name. The argument is passed by structured clone. */
export type Questions = Readonly<Record<string, (argument: never) => unknown>>;

/** The answer to a question, or its error. */
export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/** A question to a process. */
export interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

/** Answers the parent's questions until it disconnects, then cleans up and ends this process. */
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
