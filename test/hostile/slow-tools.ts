import { setTimeout as delay } from "node:timers/promises";
import { testService } from "../support/test-service.ts";

/*
 * A tools module for `serve --tools`: `slow` takes 3 s and heeds no signal, `most` tells how many calls of it ran at once,
 * `deaf` never returns.
 */

let running = 0;
let most = 0;

const service = testService({
  Slow: {
    idempotent: true,
    async run() {
      running += 1;
      most = Math.max(most, running);
      await delay(3000);
      running -= 1;
      return 0;
    },
  },
  Most: { idempotent: true, run: () => most },
  Deaf: { idempotent: true, run: () => new Promise<number>(() => {}) },
});

export const tools = [service.tools];
export const descriptors = [service.descriptors];
