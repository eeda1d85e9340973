import { SealwireError } from "../errors.ts";

const RETRY_MS = 5_000;

/**
 * Counts the handlers that still run although their calls ended long ago, by tool. A tool with too many of them takes no
 * further calls: each would hold memory, and a place among its key's calls in flight, for nothing.
 */
export class OverdueHandlers {
  readonly #most: number;
  readonly #onChange: (tool: string, count: number) => void;
  readonly #counts = new Map<string, number>();

  /** `most`: with so many a tool is refused. `onChange` is told each new count. */
  constructor(most: number, onChange: (tool: string, count: number) => void = () => {}) {
    this.#most = most;
    this.#onChange = onChange;
  }

  /** Throws UNAVAILABLE, with a delay, if the tool has too many. */
  check(tool: string): void {
    if (this.#counts.size === 0) return;
    const count = this.#counts.get(tool) ?? 0;
    if (count < this.#most) return;
    throw new SealwireError(
      "UNAVAILABLE",
      `${count} calls of "${tool}" were cut off and their handlers still run, so it takes no further calls until one returns; whoever operates the server finds the calls in its log and may have to restart it.`,
      { retryDelayMs: RETRY_MS },
    );
  }

  /** A handler of the tool did not return in time. */
  enter(tool: string): void {
    this.#set(tool, (this.#counts.get(tool) ?? 0) + 1);
  }

  /** One that was late has returned. */
  leave(tool: string): void {
    this.#set(tool, (this.#counts.get(tool) ?? 0) - 1);
  }

  #set(tool: string, count: number): void {
    if (count > 0) this.#counts.set(tool, count);
    else this.#counts.delete(tool);
    this.#onChange(tool, count);
  }
}
