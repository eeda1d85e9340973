import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** How long a handler continues after it has started stray work, and how much later this work may fail. */
const MEANWHILE_MS = 20;
const LATER_MS = 60;

/** Kinds of stray work that handlers start and that nothing awaits. By default each of them ends a Node.js process. */
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
/** Number of kinds of {@link goAstray}. */
export const ASTRAY_WAYS: number = WAYS.length;

/** Starts stray work that fails immediately, soon, or when the handler has returned. */
export async function goAstray(way: number): Promise<void> {
  WAYS[way % WAYS.length]?.();
  await delay(MEANWHILE_MS);
}

function fail(): never {
  throw new Error("what nobody catches");
}
