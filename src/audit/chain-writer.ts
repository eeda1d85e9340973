import type { AuditKey } from "../signing/key-ring/types.ts";
import type { AuditEvent } from "./event.ts";
import { type ChainHead, sealLine } from "./line.ts";
import type { AuditSink } from "./sink.ts";
import { type FileTail, type TornLine, tornLine } from "./tail.ts";

const LINE_FEED = 0x0a;
/** Incomplete lines that one line reports. It must stay short, because the disk may have little room. */
const TORN_PER_LINE = 20;
/** Incomplete lines that are remembered. A disk that stays full adds one with each attempt at most. */
const TORN_MAX = 10_000;

/** An event with its time in Unix milliseconds. */
export interface TimedEvent {
  readonly event: AuditEvent;
  readonly timeMs: number;
}

/** The details of a line that reports incomplete ones. */
interface TornDetails {
  readonly torn: readonly TornLine[];
}

/** Options of a {@link ChainWriter}. */
export interface ChainWriterOptions {
  readonly sink: AuditSink;
  /** The line that the first one follows. */
  readonly head: ChainHead;
  readonly server: string;
  readonly instance: string;
  readonly key: () => AuditKey;
}

/** Appends lines to a chain. Only one {@link write} may run at a time. */
export class ChainWriter {
  readonly #options: ChainWriterOptions;
  #head: ChainHead;
  /** True if the last byte was no line feed. */
  #isOpen = false;
  #torn: TornLine[] = [];

  constructor(options: ChainWriterOptions) {
    this.#options = options;
    this.#head = options.head;
    this.continue(options.sink.tail);
  }

  /** The last line that was written. */
  get head(): ChainHead {
    return this.#head;
  }

  /** Continues after what a file held when it was opened. */
  continue({ torn, isOpen }: FileTail): void {
    this.#isOpen = isOpen;
    if (torn !== undefined) this.#torn.push(torn);
  }

  /** Number of lines that it takes to report all incomplete ones. */
  get linesForTorn(): number {
    return Math.ceil(this.#torn.length / TORN_PER_LINE);
  }

  /** The incomplete lines that were not reported, for the details of the next `lines` lines, in their order. */
  takeTorn(lines: number): readonly TornDetails[] {
    const taken: TornDetails[] = [];
    while (this.#torn.length > 0 && taken.length < lines) taken.push({ torn: this.#torn.splice(0, TORN_PER_LINE) });
    return taken;
  }

  /** Keeps incomplete lines for later, because the lines that should report them were not written. */
  giveBack(details: readonly TornDetails[]): void {
    this.#torn = [...details.flatMap(({ torn }) => torn), ...this.#torn].slice(-TORN_MAX);
  }

  /** Writes a line for each event. Returns the number of complete lines, and why the others were not written. */
  async write(events: readonly TimedEvent[]): Promise<{ readonly lines: number; readonly error?: unknown }> {
    const { sink, server, instance, key } = this.#options;
    const { secretId: secret, key: macKey } = key();
    const lead = this.#isOpen ? "\n" : "";
    const heads: ChainHead[] = [];
    let text = lead;
    let last = this.#head;
    for (const { event, timeMs } of events) {
      const line = sealLine(event, last, { timeMs, server, instance, secret }, macKey);
      text += `${line.text}\n`;
      last = line.head;
      heads.push(line.head);
    }
    const bytes = Buffer.from(text);
    const { written, error } = await sink.write(bytes);
    if (written === bytes.length) {
      this.#isOpen = false;
      this.#head = last;
      return { lines: events.length };
    }
    return { lines: this.#settlePart(bytes, { written, lead: lead.length, heads }), error };
  }

  /** Notes what a write that failed has left in the file. Returns the number of complete lines. */
  #settlePart(
    bytes: Buffer,
    { written, lead, heads }: { readonly written: number; readonly lead: number; readonly heads: readonly ChainHead[] },
  ): number {
    if (written < Math.max(lead, 1)) return 0;
    let lines = 0;
    let start = lead;
    for (let end = bytes.indexOf(LINE_FEED, start); end >= 0 && end < written; end = bytes.indexOf(LINE_FEED, start)) {
      lines += 1;
      start = end + 1;
    }
    const rest = bytes.subarray(start, written);
    this.#isOpen = rest.length > 0;
    if (rest.length > 0 && bytes[written] === LINE_FEED) lines += 1;
    else if (rest.length > 0) this.#torn.push(tornLine(rest));
    this.#head = heads[lines - 1] ?? this.#head;
    return lines;
  }
}
