import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";
import type { TickLimiter } from "../../runtime/tick-limiter.ts";
import { type Expiring, type RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import { isUsable, type KeyRingSource } from "../../signing/key-ring/types.ts";
import type { Dispatcher } from "../../tools/dispatcher.ts";
import type { Invocation } from "../../tools/invocation.ts";
import type { Drain } from "../request/drain.ts";
import type { SignedRequest } from "../request/request.ts";

/** Options of {@link Watches}. */
export interface WatchesOptions {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly drain: Drain;
  readonly keyRing: KeyRingSource;
  /** Limits the number of messages that are sent per turn of the event loop. */
  readonly tickLimiter: TickLimiter;
  /** Maximum time that a watch may stay open. */
  readonly watchTimeoutMs: number;
}

/** Sends the messages of a watch to its caller. */
export interface Reply {
  /**
   * Sends a signed frame. `sent` is called once its bytes are written to the connection, which a slow reader delays. It
   * is not called if the caller disconnects first.
   */
  send(frame: Buffer, sent: () => void): void;
  /** Ends the call with status OK. */
  end(): void;
  /** Ends the call with a refusal, after `sequence - 1` messages. Does nothing if it has ended. */
  refuse(error: SealwireError, sequence: number): void;
}

interface OpenWatch {
  readonly place: Place<Watch>;
  readonly age: RunningTime;
}

/**
 * Serves ToolService.WatchJob: signs and sends each state, at the reader's pace. A watch ends early with UNAVAILABLE
 * when the server drains or the watch is too old, and with UNAUTHENTICATED when its key is no longer valid. All watches
 * share one timer and one listener.
 */
export class Watches {
  readonly options: WatchesOptions;
  readonly #open = new LinkedList<Watch>();
  readonly #age: TimeLimit;
  #ringChange: Disposable | undefined;

  constructor(options: WatchesOptions) {
    this.options = options;
    this.#age = new TimeLimit(options.clock, options.watchTimeoutMs);
    const { signal } = options.drain;
    signal.addEventListener("abort", () => {
      for (const watch of this.#open) watch.stop(signal.reason);
    });
  }

  /** Starts the watch of an accepted request. */
  serve(request: SignedRequest, reply: Reply): { cancel(): void } {
    const watch = new Watch(request, reply, this);
    void watch.run();
    return watch;
  }

  enter(watch: Watch): OpenWatch {
    if (this.options.drain.signal.aborted) watch.stop(this.options.drain.signal.reason);
    this.#ringChange ??= this.options.keyRing.onChange(() => {
      for (const each of this.#open) each.recheckKey();
    });
    return { place: this.#open.add(watch), age: this.#age.begin(watch) };
  }

  leave({ place, age }: OpenWatch): void {
    this.#age.end(age);
    this.#open.remove(place);
    if (this.#open.size > 0) return;
    this.#ringChange?.[Symbol.dispose]();
    this.#ringChange = undefined;
  }
}

/** One open watch. */
class Watch implements Invocation, Expiring {
  readonly request: SignedRequest;
  readonly #reply: Reply;
  readonly #watches: Watches;
  readonly #stop = new AbortController();
  #keyExpiry: Disposable | undefined;
  #sent = 0;
  /** Resolves the wait for the last message to be written. */
  #goOn: (() => void) | undefined;

  constructor(request: SignedRequest, reply: Reply, watches: Watches) {
    this.request = request;
    this.#reply = reply;
    this.#watches = watches;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get deadlineMs(): number {
    return this.request.deadlineMs;
  }

  get drainSignal(): AbortSignal {
    return this.#watches.options.drain.signal;
  }

  /** Sends messages until the terminal state, or until the watch is stopped. */
  async run(): Promise<void> {
    let open: OpenWatch | undefined;
    try {
      open = this.#watches.enter(this);
      this.checkKey();
      await this.#send();
      this.#reply.end();
    } catch (thrown) {
      await this.#watches.options.tickLimiter.turn(this.request.envelope.clientId);
      this.#refuse(thrown);
    } finally {
      if (open !== undefined) this.#watches.leave(open);
      this.#keyExpiry?.[Symbol.dispose]();
    }
  }

  stop(reason: SealwireError): void {
    this.#stop.abort(reason);
    this.#goOn?.();
  }

  /** The caller cancelled the watch or disconnected. */
  cancel(): void {
    this.stop(new SealwireError("CANCELLED", "The caller cancelled the watch or disconnected."));
  }

  expire(): void {
    this.stop(new SealwireError("WATCH_EXPIRED"));
  }

  /** Stops the watch if its key is revoked, removed or expired. */
  checkKey(): void {
    const { keyRing, clock } = this.#watches.options;
    this.#keyExpiry?.[Symbol.dispose]();
    const current = keyRing.current().find(this.request.key.keyId);
    if (current === undefined || !isUsable(current, clock.nowMs())) this.stop(new SealwireError("KEY_REVOKED"));
    // A timer may fire early, and long delays are cut: the callback checks the clock again.
    else if (current.notAfterMs !== undefined)
      this.#keyExpiry = clock.after(current.notAfterMs - clock.nowMs(), () => this.recheckKey());
  }

  /** {@link checkKey} for callbacks, which must not throw. */
  recheckKey(): void {
    try {
      this.checkKey();
    } catch (thrown) {
      this.request.logger.error({ err: thrown }, "the key of a watch could not be checked");
      this.stop(SealwireError.from(thrown));
    }
  }

  async #send(): Promise<void> {
    const { signal } = this;
    const { dispatcher, tickLimiter } = this.#watches.options;
    signal.throwIfAborted();
    const { outputs, answer } = dispatcher.watch(this);
    for await (const output of outputs) {
      await tickLimiter.turn(this.request.envelope.clientId);
      if (signal.aborted) break;
      this.#sent += 1;
      await this.#deliver(this.request.sign(answer(output), this.#sent));
    }
    signal.throwIfAborted();
  }

  /** Resolves when the message is written or the watch is stopped. A slow reader gets the newest state next. */
  #deliver(answer: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
      this.#reply.send(answer, resolve);
    });
  }

  #refuse(thrown: unknown): void {
    const { signal } = this;
    const reason: unknown = signal.aborted ? signal.reason : thrown;
    if (!(reason instanceof SealwireError)) this.request.logger.error({ err: reason }, "watch failed unexpectedly");
    this.#reply.refuse(SealwireError.from(reason), this.#sent + 1);
  }
}
