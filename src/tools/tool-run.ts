import { AsyncLocalStorage } from "node:async_hooks";
import { SealwireError } from "../errors.ts";
import type { ToolContext } from "./handler.ts";
import type { Tool } from "./tool.ts";

/** The call, or the attempt of a job, whose handler code threw. */
export interface ToolRunOrigin {
  readonly tool: string;
  readonly clientId: string;
  readonly requestId: string;
  /** The job's id in a job; `undefined` in a sync call. */
  readonly jobId: string | undefined;
  readonly attempt: number;
  /** True if the error failed the call or attempt; false if it had already ended. */
  readonly failed: boolean;
}

/** The call or attempt that a handler runs for. */
export interface RunOwner {
  /** Aborts the signal of the handler, whose code may continue. */
  abort(reason: SealwireError): void;
  /** Called when the handler has returned, which may be long after its run has failed. */
  handlerReturned?(): void;
}

/**
 * One run of a handler, stored in the async context of its code. After the run has ended it references no large
 * objects.
 */
class ToolRun {
  readonly tool: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly jobId: string | undefined;
  readonly attempt: number;
  /** Set until the run has ended. */
  owner: RunOwner | undefined;
  reject: ((error: unknown) => void) | undefined;

  constructor(
    tool: string,
    { clientId, requestId, jobId, attempt }: ToolContext,
    owner: RunOwner,
    reject: (error: unknown) => void,
  ) {
    this.tool = tool;
    this.clientId = clientId;
    this.requestId = requestId;
    this.jobId = jobId;
    this.attempt = attempt;
    this.owner = owner;
    this.reject = reject;
  }

  end(): void {
    this.owner = undefined;
    this.reject = undefined;
  }
}

const runs = new AsyncLocalStorage<ToolRun>();

/**
 * Runs a tool's handler. An error that its code throws outside of the returned promise (an unhandled rejection, a
 * timer) fails the run immediately and aborts `owner`, if the process reports it with {@link failToolRun}.
 */
export function runHandler(tool: Tool, input: unknown, context: ToolContext, owner: RunOwner): Promise<unknown> {
  // A promise constructor, because an async function would create one more promise per call.
  return new Promise((resolve, reject) => {
    const run = new ToolRun(tool.name, context, owner, reject);
    const returned = callHandler(run, tool, input, context);
    returned.then(
      (output) => {
        run.end();
        owner.handlerReturned?.();
        resolve(output);
      },
      (thrown: unknown) => {
        run.end();
        owner.handlerReturned?.();
        reject(thrown);
      },
    );
  });
}

/** Turns a synchronous error of a handler into a rejection. */
function callHandler(run: ToolRun, tool: Tool, input: unknown, context: ToolContext): Promise<unknown> {
  try {
    return Promise.resolve(runs.run(run, tool.handler, input, context));
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/**
 * Fails the call, or the attempt of a job, whose handler code threw `error`, and returns its origin. Must be called by
 * a listener of the process's `uncaughtException` or `unhandledRejection` event. Returns `undefined` if the error does
 * not come from a handler.
 *
 * @example
 * ```ts
 * process.on("uncaughtException", (error) => {
 *   const origin = failToolRun(error);
 *   if (origin === undefined) throw error;
 *   logger.error({ err: error, tool: origin.tool }, "a tool threw outside of its handler");
 * });
 * ```
 */
export function failToolRun(error: unknown): ToolRunOrigin | undefined {
  const run = runs.getStore();
  if (run === undefined) return undefined;
  const { tool, clientId, requestId, jobId, attempt, owner, reject } = run;
  if (owner !== undefined) {
    run.end();
    const failure = strayError(error, jobId !== undefined);
    reject?.(failure);
    owner.abort(failure);
  }
  return { tool, clientId, requestId, jobId, attempt, failed: owner !== undefined };
}

/** Runs code of the server outside of the handler's async context, such as recording its progress. */
export function outsideOfRuns(body: () => void): void {
  runs.exit(body);
}

/** The caller receives a fixed text. For a job the policy's remaining attempts apply, as for every unexpected error. */
function strayError(cause: unknown, retryable: boolean): SealwireError {
  const { reason, message } = SealwireError.from(undefined);
  return new SealwireError(reason, message, { retryable, cause });
}
