import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Questions } from "../process/answering.ts";
import { pickCores } from "../process/cores.ts";
import type { LoadQuestions } from "../process/load-process.ts";
import { PinnedProcess } from "../process/pinned-process.ts";
import type { WatchLoadQuestions } from "../process/watch-load-process.ts";
import type { WatchServerQuestions } from "../process/watch-server-process.ts";
import type { Bench } from "../report/result.ts";
import { median } from "../report/statistics.ts";

const WATCHES = 10_000;
const STALLED = 1_000;
/** Longer than the heartbeat interval of 15 s, at the default interval of 1 s. */
const IDLE_INTERVALS = 16;
const CONNECTIONS = 4;
const FOLDER = join(import.meta.dirname, "..", "process");
/** Longer than 250 ms, the minimum interval of recorded progress. */
const EVENT_INTERVAL_MS = 300;
const LONG_MESSAGE = 500;

/** Ten thousand open watches on one server: their memory, and the effect of an event for all of them on a call. */
export const watchers: Bench = {
  title: "Watchers",
  async run({ rounds, seconds, scale, progress }) {
    const watches = Math.round(WATCHES / scale);
    const stalled = Math.round(STALLED / scale);
    const cores = pickCores();
    await using server = startProcess<WatchServerQuestions>("watch-server-process.ts", cores.server);
    await using watcher = startProcess<WatchLoadQuestions>("watch-load-process.ts", cores.load);
    await using caller = startProcess<LoadQuestions>("load-process.ts", cores.load);
    const target = await server.ask("serve", undefined);
    await caller.ask("connect", { name: "sealwire-sqlite", target });
    const call = async (durationMs: number) => {
      await caller.ask("prepare", Math.ceil(durationMs * 10));
      return caller.ask("run", { callers: 1, durationMs });
    };
    await call(seconds * 1000);

    progress(`opening ${watches} watches`);
    const before = await server.ask("memory", undefined);
    await watcher.ask("open", { ...target, watches, connections: CONNECTIONS, stalled: false });
    const after = await server.ask("memory", undefined);

    const idleSeconds = IDLE_INTERVALS * seconds;
    const idleFrom = await server.ask("usage", undefined);
    await sleep(idleSeconds * 1000);
    const idleTo = await server.ask("usage", undefined);
    await sleep(EVENT_INTERVAL_MS);

    const toAllMs: number[] = [];
    const callMs: number[] = [];
    const quietMs: number[] = [];
    const blockMs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`event ${round + 1} of ${rounds}`);
      quietMs.push((await call(1000)).maxMs);
      const calling = call(1500);
      await sleep(EVENT_INTERVAL_MS);
      const event = { number: round + 1, length: 0 };
      await watcher.ask("expect", event);
      const emittedMs = await server.ask("emit", event);
      toAllMs.push((await watcher.ask("heard", undefined)) - emittedMs);
      callMs.push((await calling).maxMs);
      blockMs.push(await server.ask("longestBlockMs", undefined));
    }

    progress(`${stalled} stalled readers`);
    const events = Math.ceil(20 * seconds);
    const held = await stalledReaders(stalled, events);
    return {
      settings: `${rounds} events, 250 ms apart or more`,
      tables: [
        {
          title: `${watches.toLocaleString("en-US")} watches of one job over ${CONNECTIONS} connections`,
          columns: ["", ""],
          rows: [
            ["RSS per watch (KiB)", (after.rssBytes - before.rssBytes) / watches / 1024],
            ["heap and buffers per watch (KiB)", (after.heapBytes - before.heapBytes) / watches / 1024],
            [`CPU while nothing happens for ${idleSeconds} s (%)`, (idleTo.cpuUs - idleFrom.cpuUs) / idleSeconds / 1e4],
            ["one event to all of them (ms)", median(toAllMs)],
            ["longest call meanwhile (ms)", median(callMs)],
            ["longest call without an event (ms)", median(quietMs)],
            ["longest turn of the server's event loop (ms)", median(blockMs)],
            [`${stalled} stalled readers: memory each after ${events} events (KiB)`, held.afterHalf / stalled / 1024],
            [`… after ${2 * events} events (KiB)`, held.afterAll / stalled / 1024],
          ],
        },
      ],
      raw: { before, after, toAllMs, callMs, quietMs, blockMs, held },
    };
  },
};

/** The additional memory of the server for readers that have stopped reading, in bytes. */
async function stalledReaders(watches: number, events: number): Promise<{ afterHalf: number; afterAll: number }> {
  const cores = pickCores();
  await using server = startProcess<WatchServerQuestions>("watch-server-process.ts", cores.server);
  await using reader = startProcess<WatchLoadQuestions>("watch-load-process.ts", cores.load);
  const target = await server.ask("serve", undefined);
  await reader.ask("open", { ...target, watches, connections: 1, stalled: true });
  let number = 0;
  const emit = async (): Promise<number> => {
    for (let event = 0; event < events; event++) {
      number += 1;
      await server.ask("emit", { number, length: LONG_MESSAGE });
      await sleep(EVENT_INTERVAL_MS);
    }
    return (await server.ask("memory", undefined)).heapBytes;
  };
  const { heapBytes: before } = await server.ask("memory", undefined);
  const afterHalf = (await emit()) - before;
  return { afterHalf, afterAll: (await emit()) - before };
}

function startProcess<Q extends Questions>(file: string, cores: string | undefined): PinnedProcess<Q> {
  return new PinnedProcess<Q>({ file: join(FOLDER, file), cores, flags: ["--expose-gc"] });
}
