import { createContext, Script } from "node:vm";

const sandbox: { run: (() => unknown) | undefined } = createContext({ run: undefined }) as never;
const script = new Script("run()");

/** Thrown by {@link withinTime}. */
export class OutOfTime extends Error {
  override readonly name = "OutOfTime";
}

/**
 * Runs synchronous code and stops it after `limitMs`, also in the middle of a regular expression. It must not leave
 * shared state half-written. Throws {@link OutOfTime}. Costs a fraction of a millisecond.
 */
export function withinTime<T>(limitMs: number, run: () => T): T {
  const before = sandbox.run;
  sandbox.run = run;
  try {
    return script.runInContext(sandbox as never, { timeout: limitMs }) as T;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException | undefined)?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw thrown;
    throw new OutOfTime(`took more than ${limitMs} ms`, { cause: thrown });
  } finally {
    sandbox.run = before;
  }
}
