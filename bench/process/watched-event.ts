/** An event for everyone who watches: a progress of their job. */
export interface WatchedEvent {
  /** From 1 on. */
  readonly number: number;
  /** How long its text is made, in characters, at least. */
  readonly length: number;
}

/** The text of an event; no other message that a watch is sent has it. */
export function eventText({ number, length }: WatchedEvent): string {
  return `event ${number}.`.padEnd(length, "x");
}
