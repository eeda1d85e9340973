import { ServerInterceptingCall, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Expiring, type RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import { toGrpcFailure } from "../../wire/status.ts";
import { requestTooSlow } from "../request/request.ts";
import { MessageIntake } from "./message-intake.ts";
import { type ReadBudget, type Reader, type Reading, tooManyRequests } from "./read-budget.ts";

/** Options of {@link AnonymousCalls}. */
export interface AnonymousLimits {
  readonly clock: Clock;
  /** Bounds the memory of requests of unary calls. */
  readonly readBudget: ReadBudget;
  /** Maximum number of open health watches and reflection streams, in total and per connection. */
  readonly anonymousCallsMax: number;
  readonly anonymousCallsPerConnectionMax: number;
  /** Maximum time that one may stay open. */
  readonly anonymousCallTimeoutMs: number;
}

/** Maximum size of a health or reflection request, which contains names of services, symbols and files. */
const MAX_ANONYMOUS_REQUEST_BYTES = 4096;
/** Rate limit of the answers on one connection: bytes per second, and maximum burst in bytes. */
const ANSWER_BYTES_PER_SECOND = 512 * 1024;
const ANSWER_BURST_BYTES = 2 * 1024 * 1024;
const RETRY_MS = 1000;

/** Passes on health and reflection calls within separate limits, because their callers are not authenticated. */
export class AnonymousCalls {
  readonly #limits: AnonymousLimits;
  readonly #ages: TimeLimit;
  readonly #connections = new WeakMap<object, ConnectionUse>();
  #open = 0;

  constructor(limits: AnonymousLimits) {
    this.#limits = limits;
    this.#ages = new TimeLimit(limits.clock, limits.anonymousCallTimeoutMs);
  }

  /** A unary call, such as Health/Check. Only the time of its request is limited. */
  single(call: ServerInterceptingCallInterface): ServerInterceptingCall {
    return new SingleCall(call, this.#limits.readBudget);
  }

  /** A streaming call, such as Health/Watch. */
  stream(call: ServerInterceptingCallInterface): ServerInterceptingCall {
    return new AnonymousStream(call, {
      open: (connection, stream) => this.#enter(connection, stream),
      answer: (connection, bytes, send) => this.#answer(connection, bytes, send),
    });
  }

  /** Counts a stream until the returned function is called. Throws QUOTA_EXCEEDED. */
  #enter(key: object, stream: Expiring): () => void {
    const { anonymousCallsMax, anonymousCallsPerConnectionMax } = this.#limits;
    const connection = this.#connection(key);
    if (this.#open >= anonymousCallsMax || connection.open >= anonymousCallsPerConnectionMax) {
      throw new SealwireError("QUOTA_EXCEEDED", "Too many health and reflection streams are open; try again.", {
        retryDelayMs: RETRY_MS,
      });
    }
    this.#open += 1;
    connection.open += 1;
    let time: RunningTime | undefined = this.#ages.begin(stream);
    return () => {
      if (time === undefined) return;
      this.#ages.end(time);
      time = undefined;
      this.#open -= 1;
      connection.open -= 1;
    };
  }

  #answer(key: object, bytes: number, send: () => void): void {
    const waitMs = this.#connection(key).answers.draw(bytes);
    if (waitMs === 0) send();
    else this.#limits.clock.after(waitMs, send);
  }

  #connection(key: object): ConnectionUse {
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      const answers = new TokenBucket(this.#limits.clock, ANSWER_BYTES_PER_SECOND, ANSWER_BURST_BYTES);
      connection = { open: 0, answers };
      this.#connections.set(key, connection);
    }
    return connection;
  }
}

/** The open streams of one connection, and the rate of their answers. */
interface ConnectionUse {
  open: number;
  readonly answers: TokenBucket;
}

/** One call with one request and one answer. */
class SingleCall extends ServerInterceptingCall implements Reader {
  readonly waitingBytes = 0;
  readonly #reading: Reading;

  constructor(call: ServerInterceptingCallInterface, readBudget: ReadBudget) {
    super(call, {
      start: (next) =>
        next({
          // The handler answers after the half-close.
          onReceiveHalfClose: (pass) => {
            this.#reading.close();
            pass();
          },
          onCancel: () => this.#reading.close(),
        }),
    });
    const intake = smallIntake(call, true, this);
    this.#reading = readBudget.enter(intake.connection, this);
  }

  read(): void {}

  expire(): void {
    this.#refuse(requestTooSlow());
  }

  crowdOut(): void {
    this.#refuse(tooManyRequests());
  }

  #refuse(error: SealwireError): void {
    // Deferred, because the constructor may call this.
    queueMicrotask(() => this.sendStatus(toGrpcFailure(error)));
  }
}

/** The limits that an {@link AnonymousStream} applies. */
interface StreamPlace {
  /** Counts the stream on its connection until the returned function is called. Throws QUOTA_EXCEEDED. */
  open(connection: object, stream: Expiring): () => void;
  /** Calls `send` as soon as the rate limit allows `bytes`. */
  answer(connection: object, bytes: number, send: () => void): void;
}

/** One streaming call, which may stay open for a limited time. */
class AnonymousStream extends ServerInterceptingCall implements Expiring {
  constructor(call: ServerInterceptingCallInterface, { open, answer }: StreamPlace) {
    let refusal: SealwireError | undefined;
    let close = (): void => {};
    super(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (refusal === undefined) pass(metadata);
            else this.sendStatus(toGrpcFailure(refusal));
          },
          onCancel: () => close(),
        }),
      sendMessage: (message, next) => {
        if (message instanceof Uint8Array) answer(connection, message.length, () => next(message));
        else next(message);
      },
      sendStatus: (status, next) => {
        close();
        next(status);
      },
    });
    const { connection } = smallIntake(call, false, this);
    try {
      close = open(connection, this);
    } catch (thrown) {
      refusal = SealwireError.from(thrown);
    }
  }

  /** The stream is too old. The client may open another one. */
  expire(): void {
    this.sendStatus(toGrpcFailure(new SealwireError("WATCH_EXPIRED")));
  }
}

/** Receives health and reflection requests, and refuses larger ones as soon as their length is known. */
function smallIntake(
  call: ServerInterceptingCallInterface,
  isUnary: boolean,
  reply: Pick<ServerInterceptingCall, "sendStatus">,
): MessageIntake {
  return new MessageIntake(call, isUnary, (bytes) => {
    if (bytes <= MAX_ANONYMOUS_REQUEST_BYTES) return true;
    const limit = `A health or reflection request may have at most ${MAX_ANONYMOUS_REQUEST_BYTES} bytes`;
    reply.sendStatus(
      toGrpcFailure(new SealwireError("QUOTA_EXCEEDED", `${limit}; this one has ${bytes}.`, { retryable: false })),
    );
    return false;
  });
}
