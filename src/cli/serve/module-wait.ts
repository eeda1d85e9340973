import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

/** After how long it is first said what is waited for; doubles from then on, in milliseconds. */
const FIRST_NOTE_MS = 3_000;
/** How long tools may take to load, in milliseconds. */
const LOADING_MOST_MS = 300_000;

/** What a wait needs. */
export interface WaitOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The outcome of loading tools, which run code of their own at the top level that may wait for ever. Says after a while
 * what is waited for. Throws OPTIONS_INVALID after five minutes, and on SIGTERM or SIGINT.
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
