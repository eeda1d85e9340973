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

/** One run of a handler, as the code that it starts sees it. It refers to nothing that is large or belongs to the call. */
class ToolRun {
  readonly tool: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly jobId: string | undefined;
  readonly attempt: number;
  /** Until the run has ended. */
  fail: ((error: unknown) => void) | undefined;

  constructor(tool: string, { clientId, requestId, jobId, attempt }: ToolContext) {
    this.tool = tool;
    this.clientId = clientId;
    this.requestId = requestId;
    this.jobId = jobId;
    this.attempt = attempt;
  }
}

const runs = new AsyncLocalStorage<ToolRun>();

/**
 * Runs a tool's handler. What its code throws outside of the returned promise (a rejection that nobody awaits, a timer)
 * fails the run at once, provided that the process reports it by {@link failToolRun}; `abort` is called then.
 */
export function runHandler(
  tool: Tool,
  input: unknown,
  context: ToolContext,
  abort: (reason: SealwireError) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const run = new ToolRun(tool.name, context);
    run.fail = (cause) => {
      run.fail = undefined;
      const error = strayError(cause, run.jobId !== undefined);
      reject(error);
      abort(error);
    };
    const returned = runs.run(run, callHandler, tool, input, context);
    returned.then(
      (output) => {
        run.fail = undefined;
        resolve(output);
      },
      (thrown: unknown) => {
        run.fail = undefined;
        reject(thrown);
      },
    );
  });
}

/**
 * For a listener of the process's `uncaughtException` or `unhandledRejection`: fails the call, or the attempt of a job,
 * whose code threw `error`, and says which it was. `undefined` if the error comes from no handler's code.
 */
export function failToolRun(error: unknown): ToolRunOrigin | undefined {
  const run = runs.getStore();
  if (run === undefined) return undefined;
  const { tool, clientId, requestId, jobId, attempt, fail } = run;
  fail?.(error);
  return { tool, clientId, requestId, jobId, attempt, failed: fail !== undefined };
}

/** Async, so that what a handler throws before its first await is a rejection, too. */
async function callHandler(tool: Tool, input: unknown, context: ToolContext): Promise<unknown> {
  return tool.handler(input, context);
}

/** What callers learn is fixed; a job gets the attempts that its policy grants, as for anything that was not foreseen. */
function strayError(cause: unknown, retryable: boolean): SealwireError {
  const { reason, message } = SealwireError.from(undefined);
  return new SealwireError(reason, message, { retryable, cause });
}
