import type { Duration } from "../../gen/google/protobuf/duration.ts";
import type { Timestamp } from "../../gen/google/protobuf/timestamp.ts";

const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

/** Converts milliseconds to a google.protobuf.Duration. */
export function fromDurationMs(durationMs: number): Duration {
  const wholeMs = Math.ceil(durationMs);
  return {
    seconds: BigInt(Math.trunc(wholeMs / MS_PER_SECOND)),
    nanos: (wholeMs % MS_PER_SECOND) * NANOS_PER_MS,
  };
}

/** Converts a google.protobuf.Duration to milliseconds, rounded up. */
export function toDurationMs(duration: Duration): number {
  return Number(duration.seconds) * MS_PER_SECOND + Math.ceil(duration.nanos / NANOS_PER_MS);
}

/** The first and the last millisecond that a google.protobuf.Timestamp can represent: the years 1 to 9999. */
const FIRST_TIME_MS = -62_135_596_800_000;
const LAST_TIME_MS = 253_402_300_799_999;

/** Converts Unix milliseconds to a google.protobuf.Timestamp. A time outside the years 1 to 9999 becomes the nearest. */
export function fromTimeMs(unixMs: number): Timestamp {
  const timeMs = Math.max(FIRST_TIME_MS, Math.min(unixMs, LAST_TIME_MS));
  const seconds = Math.floor(timeMs / MS_PER_SECOND);
  return { seconds: BigInt(seconds), nanos: (timeMs - seconds * MS_PER_SECOND) * NANOS_PER_MS };
}

/** True for a google.protobuf.Timestamp of the years 1 to 9999 whose parts are in range. */
export function isTime(time: Timestamp): boolean {
  const timeMs = toTimeMs(time);
  const isWhole = time.nanos >= 0 && time.nanos < MS_PER_SECOND * NANOS_PER_MS;
  return isWhole && timeMs >= FIRST_TIME_MS && timeMs <= LAST_TIME_MS;
}

/** Converts a google.protobuf.Timestamp to Unix milliseconds, rounded down. */
export function toTimeMs(time: Timestamp): number {
  return Number(time.seconds) * MS_PER_SECOND + Math.floor(time.nanos / NANOS_PER_MS);
}
