import type { Store } from "../../src/store/store.ts";
import { sealwire } from "./sealwire.ts";

/* Sealwire on SQLite without some parts, to measure the cost of each, and with the additions of `sealwire serve`. */

const NO_SIGNATURES = {
  "signing/request/signature.ts": "./request-signature.ts",
  "signing/response/signature.ts": "./response-signature.ts",
};
const NO_VALIDATION = { "validation/args.ts": "./args.ts" };

function withoutReplayGuard(store: Store): { readonly store: Store } {
  const { jobs, intents, auditHeads, operator, condition, identity, instanceId } = store;
  const replay: Store["replay"] = {
    widen: async () => {},
    claim: async () => true,
    refuse: async () => {},
    distrust: async () => {},
    sweep: async () => 0,
    size: async () => 0,
  };
  return {
    store: {
      ...{ jobs, intents, auditHeads, operator, replay, condition, identity, instanceId },
      away: false,
      announce: async () => {},
      async [Symbol.asyncDispose]() {},
    },
  };
}

/** Without HMACs and their input. */
export const sealwireUnsigned = sealwire({ title: "without signatures", replacements: NO_SIGNATURES });

/** Without the strict parse and the rules of arguments. */
export const sealwireUnvalidated = sealwire({ title: "without validation", replacements: NO_VALIDATION });

/** Without the nonces in the store. */
export const sealwireReplayable = sealwire({ title: "without replay guard", options: withoutReplayGuard });

/** Without all three: only the server's own processing remains. */
export const sealwireBare = sealwire({
  title: "without all three",
  replacements: { ...NO_SIGNATURES, ...NO_VALIDATION },
  options: withoutReplayGuard,
});

/** With a log line for each call, written to /dev/null, and metrics, as in `sealwire serve --metrics`. */
export const sealwireObserved = sealwire({
  title: "Sealwire on SQLite, with log and metrics",
  options: async (store) => {
    const { openSync } = await import("node:fs");
    const { pino } = await import("pino");
    const { LogSink } = await import("../../src/cli/output/log-sink.ts");
    const { systemClock } = await import("../../src/runtime/clock.ts");
    const { createMetrics } = await import("../../src/server/metrics/metrics.ts");
    const { observer, noteKeyUse } = await createMetrics({ store, clock: systemClock });
    const onDropped = (lines: number): void => {
      throw new Error(`the log dropped ${lines} lines`);
    };
    const sink = new LogSink({ fd: openSync("/dev/null", "a"), clock: systemClock, onDropped });
    const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink);
    return { observers: [observer], onKeyUsed: noteKeyUse, logger };
  },
});
