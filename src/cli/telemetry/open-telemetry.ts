import { context, DiagLogLevel, diag, trace } from "@opentelemetry/api";
import { type Clock, sleep } from "../../runtime/clock.ts";
import type { Environment } from "../../runtime/environment.ts";
import type { Logger } from "../../runtime/logger.ts";
import { VERSION } from "../../runtime/version.ts";
import { AsyncContexts } from "./async-contexts.ts";
import { loadTelemetryPackages } from "./packages.ts";
import { batchingOf, checkExporter, samplerOf } from "./variables.ts";

/** What {@link openTelemetry} needs. */
export interface TelemetryContext {
  readonly env: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Maximum time in which the last spans are sent at the end, in milliseconds. */
const LAST_EXPORT_MS = 3_000;
/** Minimum interval between two log lines about the export, in milliseconds. */
const TELL_INTERVAL_MS = 60_000;

/**
 * Registers the OpenTelemetry SDK for traces, which are sent by OTLP over HTTP, as the variables OTEL_* say. Does nothing
 * if OTEL_SDK_DISABLED is "true" or OTEL_TRACES_EXPORTER is "none". Its disposal sends the remaining spans, for 3 s at
 * most. Throws OPTIONS_INVALID for a missing package or an invalid variable.
 */
export async function openTelemetry({ env, clock, logger }: TelemetryContext): Promise<AsyncDisposable> {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none") {
    return { [Symbol.asyncDispose]: async () => {} };
  }
  checkExporter(env);
  const packages = await loadTelemetryPackages();
  const { sdk, resources, exporter } = packages;
  const { defaultResource, detectResources, envDetector, resourceFromAttributes, serviceInstanceIdDetector } =
    resources;
  // The detector of processes is left out: it reports the command line, which may hold a password.
  const detected = detectResources({ detectors: [serviceInstanceIdDetector, envDetector] });
  const own = resourceFromAttributes({ "service.name": "sealwire", "service.version": VERSION });
  const provider = new sdk.TracerProvider({
    sampler: samplerOf(env, packages),
    resource: defaultResource().merge(own).merge(detected),
    spanProcessors: [new sdk.BatchSpanProcessor({ ...batchingOf(env), exporter: new exporter.OTLPTraceExporter() })],
  });
  diag.setLogger(logTelemetry(logger, clock), DiagLogLevel.WARN);
  context.setGlobalContextManager(new AsyncContexts());
  trace.setGlobalTracerProvider(provider);
  return {
    async [Symbol.asyncDispose]() {
      const sent = provider.shutdown().then(
        () => true,
        () => false,
      );
      const isSent = await Promise.race([sent, sleep(clock, LAST_EXPORT_MS).then(() => false)]);
      if (!isSent) logger.warn({}, "the last traces could not be sent");
      trace.disable();
      context.disable();
      diag.disable();
    },
  };
}

/** Writes what the SDK reports to the log, at most one line per minute. */
function logTelemetry(logger: Logger, clock: Clock): Parameters<typeof diag.setLogger>[0] {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  const tell = (message: string): void => {
    const nowMs = clock.monotonicMs();
    if (nowMs - toldAtMs < TELL_INTERVAL_MS) {
      unsaid += 1;
      return;
    }
    logger.warn({ telemetry: message.slice(0, 500), ...(unsaid > 0 && { unsaid }) }, "a problem with traces");
    toldAtMs = nowMs;
    unsaid = 0;
  };
  const nothing = (): void => {};
  return { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
}
