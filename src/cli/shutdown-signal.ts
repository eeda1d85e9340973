import { ExitCode } from "./exit-code.ts";

/**
 * Resolves to the name of the first SIGTERM or SIGINT; a second one ends the process at once, without any goodbye. SIGHUP
 * calls `onHangup`.
 */
export function shutdownSignal({ onHangup }: { readonly onHangup: () => void }): Promise<NodeJS.Signals> {
  process.on("SIGHUP", onHangup);
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (seen) process.exit(ExitCode.failed);
      seen = true;
      resolve(signal);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
}
