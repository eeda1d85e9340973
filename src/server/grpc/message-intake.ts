import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { MAX_REQUEST_BYTES } from "../../wire/limits.ts";
import { type IncomingStream, intercept } from "./http2-stream.ts";

/**
 * Requests memory for a message that has arrived in part. If it returns false, {@link MessageIntake.goOn} is called as
 * soon as the memory is available.
 */
export type AskForRoom = (bytes: number) => boolean;

/** The prefix of a gRPC message: a flag byte and four bytes of length. */
const PREFIX_BYTES = 5;
const NOTHING = Buffer.alloc(0);

/**
 * Assembles the messages of one call before grpc-js gets them. A message that arrives complete, as nearly all do, is
 * passed on without a copy. The parts of any other message are copied into a buffer of its announced size, for which
 * memory is requested first. Without the copy, a part of one byte could keep a whole socket buffer in memory.
 */
export class MessageIntake {
  readonly #incoming: IncomingStream;
  readonly #askForRoom: AskForRoom;
  readonly #isUnary: boolean;
  /** The received part of the current message's prefix. */
  #prefix = NOTHING;
  /** The current message with its prefix, once its memory is granted. */
  #message: Buffer | undefined;
  #filled = 0;
  /** Bytes that arrived before the memory was granted. */
  #early: Buffer | undefined;
  #isOver = false;

  /** `isUnary`: everything after the first message is discarded. */
  constructor(call: ServerInterceptingCallInterface, isUnary: boolean, askForRoom: AskForRoom) {
    this.#isUnary = isUnary;
    this.#askForRoom = askForRoom;
    this.#incoming = intercept(call, (bytes) => this.#take(bytes));
  }

  /** The HTTP/2 connection of the call. All calls on a connection have the same object. */
  get connection(): object {
    return this.#incoming.stream.session ?? this.#incoming.stream;
  }

  /** Number of received bytes of a message whose memory is not granted. */
  get waitingBytes(): number {
    return (this.#early?.length ?? 0) + this.#incoming.stream.readableLength;
  }

  /** Requests memory again for a partly received message, whose earlier grant was released. */
  askAgain(): void {
    if (this.#isOver || this.#prefix.length < PREFIX_BYTES) return;
    if (!this.#askForRoom(this.#announced)) this.#wait(NOTHING);
    else if (this.#early !== undefined) this.goOn();
  }

  /** Continues to read after the memory was granted. */
  goOn(): void {
    if (this.#isOver) return;
    const early = this.#early ?? NOTHING;
    this.#early = undefined;
    this.#begin();
    this.#take(early);
    if (this.#message !== undefined) this.#incoming.stream.resume();
  }

  /** Ends the intake with the call, and discards an incomplete message. */
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

  /** Passes on complete messages, and starts to assemble the one that follows. */
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

  /** Adds bytes to the current message. Returns the bytes that follow it. */
  #collect(bytes: Buffer): Buffer {
    if (this.#message !== undefined) return this.#fill(bytes);
    const part = bytes.subarray(0, PREFIX_BYTES - this.#prefix.length);
    this.#prefix = Buffer.concat([this.#prefix, part]);
    if (this.#prefix.length < PREFIX_BYTES) return NOTHING;
    if (this.#announced > MAX_REQUEST_BYTES) {
      // grpc-js reads the prefix and refuses the message because of its length.
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

  /** Fills the buffer of the current message. Returns the bytes that follow it. */
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
