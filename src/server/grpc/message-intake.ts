import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { MAX_REQUEST_BYTES } from "../../wire/limits.ts";
import { type IncomingStream, intercept } from "./http2-stream.ts";

/** Asks for room for a message of which only a part has come. False: {@link MessageIntake.goOn} is called when there is. */
export type AskForRoom = (bytes: number) => boolean;

/** What precedes a gRPC message: a flag, and the message's length in four bytes. */
const PREFIX_BYTES = 5;
const NOTHING = Buffer.alloc(0);

/**
 * Collects the messages of one call before grpc-js sees them. What arrives whole, as nearly all does, is passed on as it
 * is. The parts of a message are copied into memory of its announced size, for which room is asked first; kept as they
 * are, a part of one byte would keep all that came from the socket with it.
 */
export class MessageIntake {
  readonly #incoming: IncomingStream;
  readonly #askForRoom: AskForRoom;
  readonly #isUnary: boolean;
  /** The prefix of the message that is being collected, as far as it has come. */
  #prefix = NOTHING;
  /** That message, prefix and all, once there is room for it. */
  #message: Buffer | undefined;
  #filled = 0;
  /** While there is no room: what has come already. */
  #early: Buffer | undefined;
  #isOver = false;

  /** `isUnary`: whatever follows the first message is thrown away. */
  constructor(call: ServerInterceptingCallInterface, isUnary: boolean, askForRoom: AskForRoom) {
    this.#isUnary = isUnary;
    this.#askForRoom = askForRoom;
    this.#incoming = intercept(call, (bytes) => this.#take(bytes));
  }

  /** The HTTP/2 connection of the call: the same object for all calls on it. */
  get connection(): object {
    return this.#incoming.stream.session ?? this.#incoming.stream;
  }

  /** How much has come of a message for which there is no room. */
  get waitingBytes(): number {
    return (this.#early?.length ?? 0) + this.#incoming.stream.readableLength;
  }

  /** Asks once more for a message that has begun, if one has: the room that it was given is no longer its own. */
  askAgain(): void {
    if (this.#isOver || this.#prefix.length < PREFIX_BYTES) return;
    if (!this.#askForRoom(this.#announced)) this.#wait(NOTHING);
    else if (this.#early !== undefined) this.goOn();
  }

  /** Reads on: there is room now. */
  goOn(): void {
    if (this.#isOver) return;
    const early = this.#early ?? NOTHING;
    this.#early = undefined;
    this.#begin();
    this.#take(early);
    if (this.#message !== undefined) this.#incoming.stream.resume();
  }

  /** Takes nothing more in, and lets go of what is not whole: the call is over. */
  stop(): void {
    this.#isOver = true;
    this.#early = undefined;
    this.#message = undefined;
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return;
    if (this.#early !== undefined) {
      this.#early = Buffer.concat([this.#early, bytes]);
      return;
    }
    const rest = this.#prefix.length === 0 ? bytes : this.#collect(bytes);
    if (rest.length > 0 && !this.#isOver) this.#passWhole(rest);
  }

  /** Passes on the messages that have come whole, and begins to collect what follows them. */
  #passWhole(bytes: Buffer): void {
    let end = 0;
    while (bytes.length - end >= PREFIX_BYTES && !(this.#isUnary && end > 0)) {
      const next = end + PREFIX_BYTES + bytes.readUInt32BE(end + 1);
      if (next > bytes.length) break;
      end = next;
    }
    if (end === bytes.length) {
      this.#deliver(bytes);
    } else {
      if (end > 0) this.#deliver(bytes.subarray(0, end));
      if (!this.#isOver) this.#collect(bytes.subarray(end));
    }
  }

  /** Adds to the message that is being collected. Gives what follows it. */
  #collect(bytes: Buffer): Buffer {
    if (this.#message !== undefined) return this.#fill(bytes);
    const part = bytes.subarray(0, PREFIX_BYTES - this.#prefix.length);
    this.#prefix = Buffer.concat([this.#prefix, part]);
    if (this.#prefix.length < PREFIX_BYTES) return NOTHING;
    if (this.#announced > MAX_REQUEST_BYTES) {
      // grpc-js refuses the length.
      this.#isOver = true;
      this.#incoming.deliver(this.#prefix);
      return NOTHING;
    }
    const rest = bytes.subarray(part.length);
    if (!this.#askForRoom(this.#announced)) {
      this.#wait(rest);
      return NOTHING;
    }
    this.#begin();
    return this.#fill(rest);
  }

  #wait(early: Buffer): void {
    this.#early = Buffer.concat([this.#early ?? NOTHING, early]);
    this.#incoming.stream.pause();
  }

  get #announced(): number {
    return this.#prefix.readUInt32BE(1);
  }

  #begin(): void {
    if (this.#message !== undefined) return;
    this.#message = Buffer.allocUnsafeSlow(PREFIX_BYTES + this.#announced);
    this.#message.set(this.#prefix);
    this.#filled = PREFIX_BYTES;
  }

  /** Gives what follows the message. */
  #fill(bytes: Buffer): Buffer {
    const message = this.#message as Buffer;
    const part = bytes.subarray(0, message.length - this.#filled);
    message.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled === message.length) {
      this.#message = undefined;
      this.#prefix = NOTHING;
      this.#deliver(message);
    }
    return bytes.subarray(part.length);
  }

  #deliver(messages: Buffer): void {
    this.#isOver = this.#isUnary;
    this.#incoming.deliver(messages);
  }
}
