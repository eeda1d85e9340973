import { writeFileSync } from "node:fs";
import type { AttemptRecord } from "../../src/jobs/attempt-record.ts";
import type { JobState } from "../../src/jobs/job.ts";

/** A job in an answer. */
export interface Sighting {
  readonly jobId: string;
  readonly state: JobState;
  readonly revision: number;
  readonly attempt: number;
  /** The outcome of a terminal state: the token of the result, or the reason of the error. */
  readonly outcome?: string | undefined;
}

/** One attempt of a job. */
export interface AttemptOf {
  readonly jobId: string;
  readonly attempt: number;
}

/**
 * An event that was recorded by a client, a handler or the final read of the store. Ids of watches and frames are
 * assigned by the driver; `onMs`, `fromMs` and `toMs` are Unix milliseconds by the system clock.
 */
export type Event =
  /** A start, requested at `askedMs`, was acknowledged. */
  | {
      readonly kind: "started";
      readonly askedMs: number;
      readonly client: string;
      readonly requestId: string;
      readonly jobId: string;
    }
  /** A call answered with a job; asked for at `askedMs`. */
  | ({ readonly kind: "saw"; readonly askedMs: number } & Sighting)
  | ({ readonly kind: "watched"; readonly watch: string } & Sighting)
  /** A watch came to its end by itself. */
  | { readonly kind: "watch ended"; readonly watch: string; readonly jobId: string }
  /** The one stream of all of a client's jobs told of one; it was open from before the first job until all were at rest. */
  | ({ readonly kind: "told"; readonly client: string } & Sighting)
  | { readonly kind: "told all"; readonly client: string }
  /** The server said that there is no such job. */
  | { readonly kind: "absent"; readonly jobId: string }
  /** A client was told what the faults explain. */
  | { readonly kind: "failed"; readonly action: string; readonly message: string }
  /** A client was told what no fault explains, or refused to believe an answer although its signature held. */
  | { readonly kind: "unexpected"; readonly message: string }
  /** A client refused to believe an answer that takes back what it was told of a job before. */
  | { readonly kind: "taken back"; readonly message: string }
  /** A signed frame was let through by the replay guard of a server. */
  | { readonly kind: "frame accepted"; readonly frame: string }
  /** A handler began an attempt in process `pid` at `onMs`, failed it by itself, or returned its result. */
  | ({ readonly kind: "attempt began"; readonly pid: number; readonly onMs: number } & AttemptOf)
  | ({ readonly kind: "attempt failed" } & AttemptOf)
  | ({ readonly kind: "attempt returned"; readonly outcome: string } & AttemptOf)
  /** A tool with side effects took effect, and will return `outcome`. `key`: the idempotency key at an upstream. */
  | {
      readonly kind: "took effect";
      readonly client: string;
      readonly requestId: string;
      readonly outcome: string;
      readonly key?: string;
      readonly onMs: number;
    }
  /** A tool with side effects is called. If it is repeatable, its intent must end with an answer. */
  | { readonly kind: "called"; readonly client: string; readonly requestId: string; readonly isRepeatable: boolean }
  /** A call of it, made at `askedMs`, was answered with this outcome; `undefined`: the outcome is unknown. */
  | {
      readonly kind: "answered";
      readonly askedMs: number;
      readonly client: string;
      readonly requestId: string;
      readonly outcome: string | undefined;
    }
  /** From now on nobody can hold the store to what it said before; from "store renewed" on it is held to all again. */
  | { readonly kind: "store lost"; readonly how: string }
  | { readonly kind: "store renewed"; readonly onMs: number }
  /**
   * Between these times something struck process `pid`, or every process if there is none, that may cost an attempt. A
   * drain costs none that counts.
   */
  | {
      readonly kind: "struck";
      readonly pid?: number;
      readonly fromMs: number;
      readonly toMs: number;
      readonly isDrain?: true;
    }
  /** A fault of the cluster is over that began at `beganMs` of the driver's clock. */
  | { readonly kind: "fault over"; readonly fault: string; readonly beganMs: number }
  /** A server answered a new frame; `undefined`: it was accepted. */
  | { readonly kind: "probed"; readonly server: number; readonly reason: string | undefined }
  /** A process ended that nobody had killed. */
  | { readonly kind: "ended by itself"; readonly process: string; readonly said: string }
  /**
   * The store after everything came to rest; `keptResult` if it holds one for the job, `failures`: counted attempts,
   * `attempts`: their record, newest first.
   */
  | ({
      readonly kind: "at rest";
      readonly client: string;
      readonly requestId: string;
      readonly keptResult: boolean;
      readonly failures: number;
      readonly attempts: readonly AttemptRecord[];
    } & Sighting);

/** An event with its end time, in milliseconds of the driver's monotonic clock. */
export type Noted = Event & { readonly atMs: number };

/** A noted event of one kind. */
export type Of<Kind extends Event["kind"]> = Extract<Noted, { kind: Kind }>;

/** The events of one kind. */
export function of<Kind extends Event["kind"]>(history: readonly Noted[], kind: Kind): Of<Kind>[] {
  return history.filter((event): event is Of<Kind> => event.kind === kind);
}

/** Prefix of the request ids of frames that are only replayed unchanged and never signed again. */
export const FRAME_REQUEST = "frame-";

/** All events in order. Events are only appended. */
export class History {
  readonly #events: Noted[] = [];

  get events(): readonly Noted[] {
    return this.#events;
  }

  note(event: Event): void {
    this.#events.push({ ...event, atMs: performance.now() });
  }

  /** The number of events of a kind. */
  count(kind: Event["kind"]): number {
    return this.#events.filter((event) => event.kind === kind).length;
  }

  /** Writes the history to a file, one event per line. */
  write(path: string): void {
    writeFileSync(path, this.#events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }
}
