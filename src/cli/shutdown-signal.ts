import type { Logger } from "../runtime/logger.ts";
import { ExitCode } from "./exit-code.ts";

/**
 * Resolves to the name of the first SIGTERM or SIGINT; a second one ends the process at once, without any goodbye. SIGHUP
 * calls `onHangup`, but a server that people started on a terminal ends with it.
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

/** Drains after a signal, and says so. */
export async function drainOn(signal: string, logger: Logger, drain: () => Promise<void>): Promise<void> {
  logger.info({ signal }, "draining; a second signal ends the process at once");
  await drain();
  logger.info({}, "drained");
}
