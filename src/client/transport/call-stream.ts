import { status } from "@grpc/grpc-js";
import type { Clock } from "../../runtime/clock.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { peekRequestId } from "../../signing/response/verify.ts";
import { readStatusDetails } from "../../wire/status.ts";
import { type Expectation, type Outcome, readStreamed, readUnsigned, untrusted } from "../calls/outcome.ts";
import type { RawDuplex, RawStatus, Transport } from "./transport.ts";

/** What a stream of calls works with. */
export interface CallStreamOptions {
  readonly transport: Transport;
  readonly credentials: ClientCredentials;
  readonly clock: Clock;
}

/** One signed attempt to be sent. */
export interface StreamedCall {
  readonly frame: Buffer;
  readonly requestSignature: Uint8Array;
  readonly requestId: string;
  /** Ends the wait for an answer. */
  readonly signal: AbortSignal;
}

interface Pending {
  readonly expected: Expectation;
  /** `undefined` once the caller has given up; the answer is still expected, and dropped. */
  settle: ((outcome: Outcome) => void) | undefined;
}

/** A stream that nobody uses is ended after this time. It keeps the process alive while it is open. */
const IDLE_MS = 1_000;
/** After this time the next call opens a new stream, well before a server ends this one. */
const AGE_MS = 600_000;
/** With so many answers outstanding that nobody waits for, the next call opens a new stream. */
const ABANDONED_MAX = 1_000;

/**
 * One ToolService.CallStream. Answers come in any order; each is verified for the call that its request id names. One
 * that does not verify ends the stream, and all its calls with it. Every call settles with an {@link Outcome}.
 */
export class CallStream {
  readonly #options: CallStreamOptions;
  readonly #stream: RawDuplex;
  readonly #openedAtMs: number;
  readonly #pending = new Map<string, Pending[]>();
  #waiting = 0;
  #abandoned = 0;
  #usedAtMs: number;
  #idleCheck: Disposable | undefined;
  #isRetired = false;

  constructor(path: string, options: CallStreamOptions) {
    this.#options = options;
    this.#openedAtMs = options.clock.monotonicMs();
    this.#usedAtMs = this.#openedAtMs;
    this.#stream = options.transport.duplex(path, {
      onMessage: (message) => this.#take(message),
      onEnd: (ended) => this.#end((expected) => readUnsigned(asFailure(ended), expected.requestId)),
    });
  }

  /** True while further calls may be sent on it. */
  get isOpen(): boolean {
    return !this.#isRetired;
  }

  /** Sends one call and waits for its answer. Never rejects. */
  send({ frame, requestSignature, requestId, signal }: StreamedCall): Promise<Outcome> {
    const { credentials } = this.#options;
    return new Promise((resolve) => {
      const onAbort = (): void => this.#abandon(pending);
      const pending: Pending = {
        expected: { credentials, requestSignature, requestId, sequence: 0 },
        settle: (outcome) => {
          signal.removeEventListener("abort", onAbort);
          pending.settle = undefined;
          this.#waiting -= 1;
          resolve(outcome);
        },
      };
      this.#waiting += 1;
      const sameId = this.#pending.get(requestId);
      if (sameId === undefined) this.#pending.set(requestId, [pending]);
      else sameId.push(pending);
      this.#stream.write(frame);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }

  /** Takes no further calls; ends when those under way are answered. */
  retire(): void {
    this.#isRetired = true;
    this.#rest();
  }

  /** Ends it at once; its calls are unanswered. */
  cancel(): void {
    this.#end((expected) => readUnsigned({ ...CUT, details: "the client was closed" }, expected.requestId));
    this.#stream.cancel();
  }

  #take(message: Buffer): void {
    let problem = "it answers no call of this stream";
    for (const pending of this.#candidates(message)) {
      const outcome = readStreamed(message, pending.expected);
      if (outcome.kind !== "unverified") {
        this.#conclude(pending, outcome);
        return;
      }
      problem = outcome.error.message;
    }
    this.#end(() => untrusted(`The stream brought an answer that cannot be trusted: ${problem}`));
    this.#stream.cancel();
  }

  /** The calls that an answer may be for. A server that could not read an envelope does not know its request id. */
  #candidates(message: Buffer): readonly Pending[] {
    const requestId = peekRequestId(message);
    if (requestId === "") return [...this.#pending.values()].flat();
    return (requestId !== undefined && this.#pending.get(requestId)) || [];
  }

  #conclude(pending: Pending, outcome: Outcome): void {
    const { requestId } = pending.expected;
    const others = this.#pending.get(requestId)?.filter((other) => other !== pending) ?? [];
    if (others.length === 0) this.#pending.delete(requestId);
    else this.#pending.set(requestId, others);
    if (pending.settle === undefined) this.#abandoned -= 1;
    else pending.settle(outcome);
    this.#rest();
  }

  #abandon(pending: Pending): void {
    this.#abandoned += 1;
    pending.settle?.(readUnsigned({ ...CUT, details: "the caller gave up" }, pending.expected.requestId));
    this.#rest();
  }

  #end(outcomeOf: (expected: Expectation) => Outcome): void {
    this.#isRetired = true;
    this.#idleCheck?.[Symbol.dispose]();
    const unanswered = [...this.#pending.values()].flat();
    this.#pending.clear();
    for (const pending of unanswered) pending.settle?.(outcomeOf(pending.expected));
  }

  /** Sees to the stream while nobody waits for an answer, and to its age. */
  #rest(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#usedAtMs = nowMs;
    if (nowMs - this.#openedAtMs >= AGE_MS || this.#abandoned >= ABANDONED_MAX) this.#isRetired = true;
    if (this.#waiting > 0) return;
    if (this.#isRetired) this.#close();
    else this.#idleCheck ??= this.#options.clock.after(IDLE_MS, () => this.#checkIdle());
  }

  #checkIdle(): void {
    this.#idleCheck = undefined;
    if (this.#waiting > 0) return;
    const leftMs = this.#usedAtMs + IDLE_MS - this.#options.clock.monotonicMs();
    if (leftMs <= 0) this.retire();
    else this.#idleCheck = this.#options.clock.after(leftMs, () => this.#checkIdle());
  }

  /** What nobody waits for is stopped. */
  #close(): void {
    this.#idleCheck?.[Symbol.dispose]();
    if (this.#abandoned > 0) this.#stream.cancel();
    else this.#stream.end();
  }
}

const CUT = { code: status.CANCELLED, details: "" };

/**
 * A stream that ends well has been cut off all the same for those who still wait. A server that ends it has answered all that
 * it had read before; one that dies says nothing.
 */
function asFailure({ code, details, metadata, unsent = false, away = false }: RawStatus): Omit<RawStatus, "metadata"> {
  if (code === status.OK) {
    return { code: status.UNAVAILABLE, details: "the stream ended before the answer", unsent: true };
  }
  return { code, details, unsent: unsent || readStatusDetails(metadata)?.reason !== undefined, away };
}
