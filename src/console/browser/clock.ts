/** Differences below this are those of the network, and of a header that has whole seconds. */
const CLOSE_MS = 5_000;

/** How far the clock of the server is ahead of the browser's. */
let aheadMs = 0;

/** Takes over the time of the server, by which the times of jobs and events are. `date` is an HTTP date. */
export function followServerClock(date: string | null): void {
  const ms = Date.parse(date ?? "") - Date.now();
  if (!Number.isNaN(ms)) aheadMs = Math.abs(ms) < CLOSE_MS ? 0 : ms;
}

/** The time of the server, Unix milliseconds. */
export function currentMs(): number {
  return Date.now() + aheadMs;
}

/** Runs `callback` once after `delayMs`. The result cancels it. */
export function after(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

/** Runs `callback` again and again. The result stops it. */
export function every(intervalMs: number, callback: () => void): () => void {
  const timer = setInterval(callback, intervalMs);
  return () => clearInterval(timer);
}
