import { Session } from "node:inspector/promises";
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 30_000;
const PROFILED_MS = 2_000;
const SHOWN = 15;

/**
 * Ends this process as failed if it still runs 30 s from now, and prints what keeps it: open resources, and the functions
 * that use the processor. Call it after the last test; a process with nothing open ends before.
 */
export function failIfStillRunning(): void {
  setTimeout(async () => {
    const busy = await busyFunctions();
    console.log(`still running ${PATIENCE_MS / 1000} s after the last test`);
    console.log(`open: ${process.getActiveResourcesInfo().join(", ")}`);
    for (const line of busy) console.log(line);
    process.exit(1);
  }, PATIENCE_MS).unref();
}

/** The functions in which most samples of a short profile lie. */
async function busyFunctions(): Promise<readonly string[]> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
  await sleep(PROFILED_MS);
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  return profile.nodes
    .filter(({ hitCount = 0 }) => hitCount > 0)
    .sort((one, other) => (other.hitCount ?? 0) - (one.hitCount ?? 0))
    .slice(0, SHOWN)
    .map(({ hitCount, callFrame: { functionName, url, lineNumber } }) => {
      return `${hitCount} samples in ${functionName || "(anonymous)"} ${url}:${lineNumber + 1}`;
    });
}
