import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** How long a handler goes on after it has left something behind, and how much later that may fail. */
const MEANWHILE_MS = 20;
const LATER_MS = 60;

/** What handlers leave behind that nobody waits for; by default each of these ends a process of Node.js. */
const WAYS: readonly (() => void)[] = [
  () => void Promise.reject(new Error("a promise that nobody waits for")),
  () => void Promise.reject(undefined),
  () => setTimeout(fail, 1),
  () => setImmediate(fail),
  () => process.nextTick(fail),
  () => queueMicrotask(fail),
  () => setImmediate(() => new EventEmitter().emit("error", new Error("an error that nobody listens for"))),
  () => setTimeout(fail, LATER_MS),
  () => void delay(LATER_MS).then(fail),
];
/** How many ways there are to {@link goAstray}. */
export const ASTRAY_WAYS: number = WAYS.length;

/** Leaves something behind that fails: at once, soon, or when the handler has returned. */
export async function goAstray(way: number): Promise<void> {
  WAYS[way % WAYS.length]?.();
  await delay(MEANWHILE_MS);
}

function fail(): never {
  throw new Error("what nobody catches");
}
