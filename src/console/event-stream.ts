import type { ServerResponse } from "node:http";
import type { Clock } from "../runtime/clock.ts";

const HEARTBEAT_MS = 15_000;
/** A page that leaves more than this unread is cut off. */
const UNREAD_MOST_BYTES = 4_194_304;

/** A stream of server-sent events to one page. */
export class EventStream implements Disposable {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #onBeat: () => void;
  #timer: Disposable | undefined;
  #last = "";

  /** Begins the answer. `onBeat` is called every 15 s while the page is connected. */
  constructor(response: ServerResponse, { clock, onBeat }: { readonly clock: Clock; readonly onBeat: () => void }) {
    this.#response = response;
    this.#clock = clock;
    this.#onBeat = onBeat;
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    response.once("close", () => this[Symbol.dispose]());
    this.#beat();
  }

  /** Sends JSON text, unless it is what was sent last. */
  send(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    this.#write(`data: ${text}\n\n`);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#response.end();
  }

  #beat(): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    this.#write(":\n\n");
    this.#timer = this.#clock.after(HEARTBEAT_MS, () => {
      this.#onBeat();
      this.#beat();
    });
  }

  #write(text: string): void {
    if (this.#response.writableEnded) return;
    if (this.#response.writableLength > UNREAD_MOST_BYTES) this.#response.destroy();
    else this.#response.write(text);
  }
}
