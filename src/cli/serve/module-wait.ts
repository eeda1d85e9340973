import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

/** Delay of the first log message about the wait, in milliseconds. It doubles for each further message. */
const FIRST_NOTE_MS = 3_000;
/** Time limit for loading tools, in milliseconds. */
const LOADING_MOST_MS = 300_000;

/** Options of {@link waitForModules}. */
export interface WaitOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Waits for tools modules to load, whose top-level code may wait forever. Logs the pending modules after a while.
 * Throws OPTIONS_INVALID after five minutes, and on SIGTERM or SIGINT.
 */
export async function waitForModules<T>(
  loading: Promise<T>,
  pending: ReadonlySet<string>,
  { clock, logger }: WaitOptions,
): Promise<T> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = (when: string): void => {
    const toDo = "Look for an await at its top level that never ends.";
    const problem = `${names(pending)} had not finished loading ${when}.\n${toDo}`;
    reject(new SealwireError("OPTIONS_INVALID", problem));
  };
  const notes: { next?: Disposable } = {};
  const noteAfter = (delayMs: number): void => {
    notes.next = clock.after(delayMs, () => {
      logger.warn(
        { modules: [...pending] },
        "still waiting for tools to load: an await at their top level has not ended",
      );
      noteAfter(delayMs * 2);
    });
  };
  noteAfter(FIRST_NOTE_MS);
  using _limit = clock.after(LOADING_MOST_MS, () => giveUp(`after ${LOADING_MOST_MS / 1000} s`));
  const onSignal = (signal: NodeJS.Signals): void => giveUp(`when ${signal} came`);
  process.once("SIGTERM", onSignal).once("SIGINT", onSignal);
  try {
    return await Promise.race([loading, givenUp]);
  } finally {
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
    notes.next?.[Symbol.dispose]();
  }
}

function names(pending: ReadonlySet<string>): string {
  return `The tools module${pending.size === 1 ? "" : "s"} ${[...pending].join(", ")}`;
}
