import { SealwireError } from "../../errors.ts";
import { systemClock as clock } from "../../runtime/clock.ts";
import { createMetrics } from "../../server/metrics.ts";
import { createWorker } from "../../server/worker.ts";
import type { ExitCode } from "../exit-code.ts";
import { stderrLogger } from "../log.ts";
import { openStore } from "../open-store.ts";
import { resolveServeSettings, type ServeOptions, workOf } from "../serve-settings.ts";
import { loadTools } from "../served-tools.ts";
import { drainAtEnd, shutdownSignal } from "../shutdown-signal.ts";
import type { Terminal } from "../terminal.ts";

/** Works the jobs of a shared store until SIGTERM or SIGINT, without taking calls; then hands back what still runs. */
export async function run(terminal: Terminal, options: ServeOptions): Promise<ExitCode> {
  const settings = await resolveServeSettings(options, terminal.env);
  const logger = stderrLogger(settings.logLevel);
  const work = workOf(settings);
  if (settings.store === undefined || work === false) throw refused(settings.store);
  const { tools, descriptors } = await loadTools(settings);

  const { store } = await openStore(settings, logger);
  await using _store = store;
  await using worker = await createWorker({ store, tools, descriptors, work, logger });
  const shutdown = shutdownSignal({ onHangup: () => {} });
  const { metrics } = settings;
  await using metricsServer =
    metrics === undefined ? undefined : await (await createMetrics({ store, clock })).listen(metrics);

  terminal.print(
    JSON.stringify({
      working: worker.tools,
      concurrency: work.concurrency,
      ...(metricsServer && { metrics: metricsServer.address }),
    }),
  );
  return await drainAtEnd({ shutdown, store, logger, drain: () => worker.drain(settings.drainTimeoutMs) });
}

function refused(store: string | undefined): SealwireError {
  if (store !== undefined) {
    return new SealwireError("OPTIONS_INVALID", "A worker with a concurrency of 0 does nothing.\nGive 1 or more.");
  }
  const toDo = "Give --store postgres://…; with a store in a folder, `sealwire serve` works the jobs itself.";
  return new SealwireError("OPTIONS_INVALID", `Working alone needs a store that processes share.\n${toDo}`);
}
