/** The messages of a test file to the runner on the IPC channel. */
export type TestEvent =
  | { readonly kind: "start"; readonly suite: string; readonly test: string }
  | { readonly kind: "passed"; readonly suite: string; readonly test: string }
  | { readonly kind: "failed"; readonly suite: string; readonly test: string }
  | { readonly kind: "skipped"; readonly suite: string; readonly test: string; readonly reason: string }
  | { readonly kind: "ended"; readonly cpuSeconds: number };

/** Sends an event to the runner. Does nothing if the file was started without a runner. */
export function report(event: TestEvent): void {
  if (process.connected) process.send?.(event);
}
