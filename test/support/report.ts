/** What a test file tells the runner over the IPC channel, one message per step. */
export type TestEvent =
  | { readonly kind: "start"; readonly suite: string; readonly test: string }
  | { readonly kind: "passed"; readonly suite: string; readonly test: string }
  | { readonly kind: "failed"; readonly suite: string; readonly test: string }
  | { readonly kind: "skipped"; readonly suite: string; readonly test: string; readonly reason: string }
  | { readonly kind: "ended"; readonly cpuSeconds: number };

/** Sends an event to the runner; does nothing when the file was started by hand, without one. */
export function report(event: TestEvent): void {
  if (process.connected) process.send?.(event);
}
