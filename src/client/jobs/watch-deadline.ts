import { Deadline } from "../calls/deadline.ts";
import type { Connection, OperationOptions } from "../connection.ts";
import { checkTimeoutMs } from "../options.ts";

/** How long a watch may last, and what ends it. */
interface WatchTime {
  readonly signal: OperationOptions["signal"] | undefined;
  /** Default: no limit. */
  readonly timeoutMs: number | undefined;
}

/** The deadline of a watch. `describe` says that its time is over. */
export function watchDeadline(
  { options: { clock }, operations }: Connection,
  { signal, timeoutMs }: WatchTime,
  describe = (limitMs: number) => `The ${limitMs} ms of this watch are over; the jobs go on.`,
): Deadline {
  const limitMs = timeoutMs === undefined ? undefined : checkTimeoutMs(timeoutMs);
  return new Deadline({ clock, timeoutMs: limitMs, operations, signal, describe: () => describe(limitMs ?? 0) });
}
