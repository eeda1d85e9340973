import { openTelemetry } from "../../src/cli/telemetry/open-telemetry.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { type Logger, silentLogger } from "../../src/runtime/logger.ts";
import { type OtlpCollector, startCollector } from "../support/otlp-collector.ts";

/** Traces of this process, and the collector that receives them. */
export interface Traced extends AsyncDisposable {
  readonly collector: OtlpCollector;
  /** Sends the spans and ends the export. */
  flush(): Promise<void>;
}

/** Options of {@link traceProcess}. */
export interface TracedOptions {
  /** Variables OTEL_*. */
  readonly env?: Readonly<Record<string, string>>;
  readonly collector?: OtlpCollector;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Sends the traces of this process to a collector, in small batches. One at a time. */
export async function traceProcess(options: TracedOptions = {}): Promise<Traced> {
  const { collector = await startCollector(), clock = systemClock, logger = silentLogger } = options;
  const env = { OTEL_BSP_SCHEDULE_DELAY: "10", ...options.env };
  // The exporter reads its own variables.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.endpoint;
  const telemetry = await openTelemetry({ env, clock, logger });
  let flushed: Promise<void> | undefined;
  const flush = (): Promise<void> => {
    flushed ??= Promise.resolve(telemetry[Symbol.asyncDispose]());
    return flushed;
  };
  return {
    collector,
    flush,
    async [Symbol.asyncDispose]() {
      await flush();
      await collector[Symbol.asyncDispose]();
    },
  };
}
