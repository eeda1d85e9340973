import type { Logger } from "../../runtime/logger.ts";
import type { Store } from "../../store/store.ts";
import { ExitCode } from "../output/exit-code.ts";

/**
 * Resolves to the name of the first SIGTERM or SIGINT. A second signal ends the process immediately. SIGHUP calls
 * `onHangup`, except for a server on a terminal, which shuts down.
 */
export function shutdownSignal({ onHangup }: { readonly onHangup: () => void }): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (seen) process.exit(ExitCode.failed);
      seen = true;
      resolve(signal);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
    process.on("SIGHUP", process.stderr.isTTY ? onSignal : onHangup);
  });
}

/** Options of {@link drainAtEnd}. */
export interface EndOptions {
  /** Resolves to the name of the signal. */
  readonly shutdown: Promise<string>;
  readonly store: Store;
  readonly logger: Logger;
  readonly drain: () => Promise<void>;
}

/** Drains after a signal or a lost store, and logs it. Resolves to the exit code. */
export async function drainAtEnd({ shutdown, store, logger, drain }: EndOptions): Promise<ExitCode> {
  const { lost } = store.condition;
  const lostStore = new Promise<undefined>((resolve) => {
    if (lost.aborted) resolve(undefined);
    lost.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const signal = await Promise.race([shutdown, lostStore]);
  if (signal === undefined) logger.error({ err: lost.reason }, "the store is lost; draining");
  else logger.info({ signal }, "draining; a second signal ends the process immediately");
  await drain();
  logger.info({}, "drained");
  return lost.aborted ? ExitCode.store : ExitCode.done;
}
