import { once } from "node:events";
import type { ToolContext } from "../../../src/tools/handler.ts";
import { type TestTool, testService } from "../../support/test-service.ts";

/* A `--tools` module whose handlers break the rules that handlers should keep. */

const POLICY = { maxAttempts: 2, initialBackoff: { seconds: 0n, nanos: 20_000_000 } };

/** Returns when its signal aborts, and throws then. */
async function untilAborted({ signal, logger }: ToolContext): Promise<number> {
  if (!signal.aborted) await once(signal, "abort");
  logger.info({}, "its signal aborted");
  throw signal.reason;
}

function leaveRejection(): void {
  void Promise.reject(new Error("nobody awaits this"));
}

function leaveTimer(): void {
  setTimeout(() => {
    throw new Error("thrown by a timer");
  }, 5);
}

/** Set by a call, read by a timer of the module itself, which belongs to no call. */
let moduleIsArmed = false;
setInterval(() => {
  if (!moduleIsArmed) return;
  moduleIsArmed = false;
  throw new Error("thrown by the module");
}, 5).unref();

let open = Promise.withResolvers<void>();

const methods: Record<string, TestTool> = {
  Reject: {
    run: (_numbers, context) => {
      leaveRejection();
      return untilAborted(context);
    },
  },
  ThrowLater: {
    idempotent: true,
    run: (_numbers, context) => {
      leaveTimer();
      return untilAborted(context);
    },
  },
  ThrowAfterwards: {
    idempotent: true,
    run: () => {
      leaveTimer();
      return 1;
    },
  },
  ArmModule: {
    idempotent: true,
    run: () => {
      moduleIsArmed = true;
      return 1;
    },
  },
  RejectOften: {
    idempotent: true,
    run: ([count = 0]) => {
      for (let left = count; left > 0; left -= 1) leaveRejection();
      return count;
    },
  },
  RejectJob: {
    job: POLICY,
    run: (_numbers, context) => {
      leaveRejection();
      return untilAborted(context);
    },
  },
  /** Waits for Open; so does WaitJob. */
  Wait: {
    run: async (_numbers, { logger }) => {
      logger.info({}, "waits");
      await open.promise;
      return 7;
    },
  },
  WaitJob: {
    job: { maxAttempts: 1 },
    run: async (_numbers, context) => {
      context.logger.info({}, "waits");
      await open.promise;
      return context.attempt;
    },
  },
  Open: {
    run: () => {
      open.resolve();
      open = Promise.withResolvers<void>();
      return 1;
    },
  },
  Print: {
    idempotent: true,
    run: ([count = 1]) => {
      for (let left = count; left > 0; left -= 1) {
        console.log("x".repeat(1000));
        process.stdout.write("y\n");
        console.error("z".repeat(1000));
      }
      return count;
    },
  },
  Log: {
    idempotent: true,
    run: ([lines = 1], { logger }) => {
      for (let left = lines; left > 0; left -= 1) logger.info({ text: "x".repeat(1000) }, "much");
      return lines;
    },
  },
  Warn: {
    idempotent: true,
    run: () => {
      process.emitWarning("of its own kind", "TestWarning", "TEST_1");
      return 1;
    },
  },
};

const service = testService(methods);
export const tools = [service.tools];
export const descriptors = [service.descriptors];
