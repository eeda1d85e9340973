import { AsyncLocalStorage } from "node:async_hooks";
import { SealwireError } from "../errors.ts";
import type { ToolContext } from "./handler.ts";
import type { Tool } from "./tool.ts";

/** The call, or the attempt of a job, whose code threw. */
export interface ToolRunOrigin {
  readonly tool: string;
  readonly clientId: string;
  readonly requestId: string;
  /** Set in a job. */
  readonly jobId: string | undefined;
  readonly attempt: number;
  /** True if the call or attempt failed by this, false if it had ended before. */
  readonly failed: boolean;
}

/** What a run belongs to. */
export interface RunOwner {
  /** Aborts the signal of the handler, whose code may go on. */
  abort(reason: SealwireError): void;
  /** Told once the handler has returned, which may be long after its run has failed. */
  handlerReturned?(): void;
}

/** One run of a handler, as the code that it starts sees it; once it has ended, it refers to nothing that is large. */
class ToolRun {
  readonly tool: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly jobId: string | undefined;
  readonly attempt: number;
  /** Both until the run has ended. */
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
 * Runs a tool's handler. What its code throws outside of the returned promise (a rejection that nobody awaits, a timer)
 * fails the run at once and aborts `owner`, provided that the process reports it by {@link failToolRun}.
 */
export function runHandler(tool: Tool, input: unknown, context: ToolContext, owner: RunOwner): Promise<unknown> {
  // A promise of its own instead of an async function, which would cost every call one more.
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

/** What a handler throws before its first await is a rejection, too. */
function callHandler(run: ToolRun, tool: Tool, input: unknown, context: ToolContext): Promise<unknown> {
  try {
    return Promise.resolve(runs.run(run, tool.handler, input, context));
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/**
 * For a listener of the process's `uncaughtException` or `unhandledRejection`: fails the call, or the attempt of a job,
 * whose code threw `error`, and says which it was. `undefined` if the error comes from no handler's code.
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

/** Runs what belongs to the server and not to the handler that asks for it, such as writing down its progress. */
export function outsideOfRuns(body: () => void): void {
  runs.exit(body);
}

/** What callers learn is fixed; a job gets the attempts that its policy grants, as for anything that was not foreseen. */
function strayError(cause: unknown, retryable: boolean): SealwireError {
  const { reason, message } = SealwireError.from(undefined);
  return new SealwireError(reason, message, { retryable, cause });
}
