import type { ProblemAnswer } from "../answers.ts";
import { after } from "./clock.ts";
import { ask, ServerProblem } from "./server.ts";

/** What a live view tells its page. */
export interface LiveListener<T> {
  onData(data: T): void;
  /** The view cannot be read, or the server cannot be reached. The view tries again. */
  onProblem(problem: ServerProblem): void;
}

/** Delays between attempts to connect, in milliseconds; the last one is repeated. */
const DELAYS_MS = [500, 1_000, 2_000, 5_000];

/** Reads a view of the API as it changes, while the page is seen and not paused. A paused view is read once. */
export class LiveView<T> {
  readonly #path: string;
  readonly #listener: LiveListener<T>;
  #isPaused: boolean;
  #isRead = false;
  #isClosed = false;
  #current: AbortController | undefined;
  readonly #onVisibility = (): void => this.#follow();

  constructor(path: string, isPaused: boolean, listener: LiveListener<T>) {
    this.#path = path;
    this.#isPaused = isPaused;
    this.#listener = listener;
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#follow();
  }

  /** Stops or continues the view. What was read stays. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#follow();
  }

  close(): void {
    this.#isClosed = true;
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#follow();
  }

  #follow(): void {
    const isStopped = this.#isPaused && this.#isRead;
    const isWanted = !this.#isClosed && !isStopped && !document.hidden;
    if (isWanted && this.#current === undefined) {
      this.#current = new AbortController();
      void this.#run(this.#current.signal);
    } else if (!isWanted) {
      this.#current?.abort();
      this.#current = undefined;
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await this.#read(signal, () => {
          failures = 0;
        });
      } catch (thrown) {
        if (signal.aborted) return;
        const problem = thrown instanceof ServerProblem ? thrown : new ServerProblem("UNREACHABLE", CUT);
        this.#listener.onProblem(problem);
        if (problem.reason === "SIGNED_OUT") return;
      }
      await delay(DELAYS_MS[Math.min(failures, DELAYS_MS.length - 1)] ?? 0, signal);
    }
  }

  /** Reads until the stream ends, which it does only if the connection or the session does. */
  async #read(signal: AbortSignal, onEvent: () => void): Promise<void> {
    const response = await ask(`/api/stream?of=${encodeURIComponent(this.#path)}`, { signal });
    if (response.body === null) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new ServerProblem("UNREACHABLE", CUT);
      const events = `${rest}${value}`.split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        if (!event.startsWith("data: ")) continue;
        onEvent();
        this.#tell(JSON.parse(event.slice("data: ".length)) as { readonly data: T } | ProblemAnswer);
      }
    }
  }

  #tell(message: { readonly data: T } | ProblemAnswer): void {
    if ("error" in message) this.#listener.onProblem(new ServerProblem(message.error.reason, message.error.message));
    else {
      this.#isRead = true;
      this.#listener.onData(message.data);
      this.#follow();
    }
  }
}

const CUT = "The connection to the server is interrupted.";

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = after(ms, resolve);
    signal.addEventListener("abort", () => {
      stop();
      resolve();
    });
  });
}
