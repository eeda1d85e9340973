import type { Logger } from "../../runtime/logger.ts";
import type { Store } from "../../store/store.ts";
import { ExitCode } from "../output/exit-code.ts";

/** SIGHUP while a process starts. */
export interface HeldHangup extends Disposable {
  /** True if one has come. */
  readonly came: boolean;
}

/**
 * Keeps SIGHUP from ending a process that starts: a rotation of logs sends it at any time. A process on a terminal still
 * ends with the terminal.
 */
export function holdHangup(): HeldHangup {
  let came = false;
  const note = () => {
    came = true;
  };
  if (!process.stderr.isTTY) process.on("SIGHUP", note);
  return {
    get came() {
      return came;
    },
    [Symbol.dispose]: () => void process.off("SIGHUP", note),
  };
}

/** Options of {@link shutdownSignal}. */
export interface SignalOptions {
  readonly onHangup: () => void;
  /** SIGHUP until now. Default: none was held. */
  readonly held?: HeldHangup;
}

/**
 * Resolves to the name of the first SIGTERM or SIGINT. A second signal ends the process immediately. SIGHUP, also one that
 * was held, calls `onHangup`, except for a server on a terminal, which shuts down.
 */
export function shutdownSignal({ onHangup, held }: SignalOptions): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (seen) process.exit(ExitCode.failed);
      seen = true;
      resolve(signal);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
    process.on("SIGHUP", process.stderr.isTTY ? onSignal : onHangup);
    if (held?.came) onHangup();
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
