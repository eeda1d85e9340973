import { SealwireError } from "../errors.ts";

const RETRY_MS = 5_000;

/**
 * Counts by tool the handlers that still run long after their calls have ended. A tool with too many of them refuses
 * further calls, which would only occupy memory and the key's limit of concurrent calls.
 */
export class OverdueHandlers {
  readonly #most: number;
  readonly #onChange: (tool: string, count: number) => void;
  readonly #counts = new Map<string, number>();

  /** `most`: number of overdue handlers from which on a tool is refused. `onChange` receives each new count. */
  constructor(most: number, onChange: (tool: string, count: number) => void = () => {}) {
    this.#most = most;
    this.#onChange = onChange;
  }

  /** Throws UNAVAILABLE with a retry delay if the tool has too many overdue handlers. */
  check(tool: string): void {
    if (this.#counts.size === 0) return;
    const count = this.#counts.get(tool) ?? 0;
    if (count < this.#most) return;
    throw new SealwireError(
      "UNAVAILABLE",
      `${count} calls of "${tool}" were cut off and their handlers still run, so it takes no further calls until one returns; the calls are in the log of the server, which may have to be restarted.`,
      { retryDelayMs: RETRY_MS },
    );
  }

  /** Adds an overdue handler. */
  enter(tool: string): void {
    this.#set(tool, (this.#counts.get(tool) ?? 0) + 1);
  }

  /** Removes an overdue handler, which has returned. */
  leave(tool: string): void {
    this.#set(tool, (this.#counts.get(tool) ?? 0) - 1);
  }

  #set(tool: string, count: number): void {
    if (count > 0) this.#counts.set(tool, count);
    else this.#counts.delete(tool);
    this.#onChange(tool, count);
  }
}
