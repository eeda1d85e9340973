/** An event for all watchers: progress of the watched job. */
export interface WatchedEvent {
  /** From 1 on. */
  readonly number: number;
  /** Minimum length of its text, in characters. */
  readonly length: number;
}

/** The text of an event, which identifies its message. */
export function eventText({ number, length }: WatchedEvent): string {
  return `event ${number}.`.padEnd(length, "x");
}
