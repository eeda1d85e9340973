/** The wall clock of the browser, Unix milliseconds. */
export function currentMs(): number {
  return Date.now();
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
