import { ServerInterceptingCall, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Expiring, type RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import { toGrpcFailure } from "../../wire/status.ts";
import { requestTooSlow } from "../request/request.ts";
import { MessageIntake } from "./message-intake.ts";
import { type ReadBudget, type Reader, type Reading, tooManyRequests } from "./read-budget.ts";

/** What {@link AnonymousCalls} are limited by. */
export interface AnonymousLimits {
  readonly clock: Clock;
  /** For the requests of calls with one answer. */
  readonly readBudget: ReadBudget;
  /** Most health watches and reflection streams open at once, in all and on one connection. */
  readonly anonymousCallsMax: number;
  readonly anonymousCallsPerConnectionMax: number;
  /** How long one may stay open. */
  readonly anonymousCallTimeoutMs: number;
}

/** Largest request of health or reflection: names of services, symbols and files. */
const MAX_ANONYMOUS_REQUEST_BYTES = 4096;
/** What one connection is answered per second, and at once after a pause, in bytes. */
const ANSWER_BYTES_PER_SECOND = 512 * 1024;
const ANSWER_BURST_BYTES = 2 * 1024 * 1024;
const RETRY_MS = 1000;

/** Lets health and reflection calls through, within limits of their own: they come from anybody. */
export class AnonymousCalls {
  readonly #limits: AnonymousLimits;
  readonly #ages: TimeLimit;
  readonly #connections = new WeakMap<object, ConnectionUse>();
  #open = 0;

  constructor(limits: AnonymousLimits) {
    this.#limits = limits;
    this.#ages = new TimeLimit(limits.clock, limits.anonymousCallTimeoutMs);
  }

  /** A call with one answer, such as Health/Check: it holds nothing open, so it has to arrive in time and no more. */
  single(call: ServerInterceptingCallInterface): ServerInterceptingCall {
    return new SingleCall(call, this.#limits.readBudget);
  }

  /** A call that stays open, such as Health/Watch. */
  stream(call: ServerInterceptingCallInterface): ServerInterceptingCall {
    return new AnonymousStream(call, {
      open: (connection, stream) => this.#enter(connection, stream),
      answer: (connection, bytes, send) => this.#answer(connection, bytes, send),
    });
  }

  /** Throws QUOTA_EXCEEDED. */
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

/** What one connection has open, and may still be answered. */
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
          // Only then is it answered.
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
    // Not from within the making of the call.
    queueMicrotask(() => this.sendStatus(toGrpcFailure(error)));
  }
}

/** What an {@link AnonymousStream} asks for. */
interface StreamPlace {
  /** Takes a place on a connection. Gives what gives it back. Throws QUOTA_EXCEEDED. */
  open(connection: object, stream: Expiring): () => void;
  /** Sends when so many bytes may be sent. */
  answer(connection: object, bytes: number, send: () => void): void;
}

/** One call that stays open, for a limited time. */
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

  /** It has been open for long enough; who still wants it opens another. */
  expire(): void {
    this.sendStatus(toGrpcFailure(new SealwireError("WATCH_EXPIRED")));
  }
}

/** Takes in requests as small as those of health and reflection are, and refuses larger ones before they come. */
function smallIntake(
  call: ServerInterceptingCallInterface,
  isUnary: boolean,
  reply: Pick<ServerInterceptingCall, "sendStatus">,
): MessageIntake {
  return new MessageIntake(call, isUnary, (bytes) => {
    if (bytes <= MAX_ANONYMOUS_REQUEST_BYTES) return true;
    const limit = `A request of health or reflection has at most ${MAX_ANONYMOUS_REQUEST_BYTES} bytes`;
    reply.sendStatus(
      toGrpcFailure(new SealwireError("QUOTA_EXCEEDED", `${limit}; this one has ${bytes}.`, { retryable: false })),
    );
    return false;
  });
}
