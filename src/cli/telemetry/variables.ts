import type { BatchSpanProcessorOptions, Sampler } from "@opentelemetry/sdk-trace";
import { SealwireError } from "../../errors.ts";
import type { Environment } from "../../runtime/environment.ts";
import { describeRange, isInRange, type NumberRange } from "../../runtime/number-range.ts";
import type { TelemetryPackages } from "./packages.ts";

/** The names of the variable OTEL_TRACES_SAMPLER. */
const SAMPLERS = ["always_on", "always_off", "traceidratio"] as const;
const BY_PARENT = "parentbased_";
const MOST = 2_147_483_647;
const RATIO: NumberRange = { least: 0, most: 1, fraction: true };
const MILLISECONDS: NumberRange = { least: 0, most: MOST, fraction: true };
/** With 0 spans in a batch the SDK would export batches without end. */
const SPANS: NumberRange = { least: 1, most: MOST };

/**
 * The sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name; default "parentbased_always_on". Throws
 * OPTIONS_INVALID.
 */
export function samplerOf(env: Environment, { sdk }: Pick<TelemetryPackages, "sdk">): Sampler {
  const name = env.OTEL_TRACES_SAMPLER || "parentbased_always_on";
  const isByParent = name.startsWith(BY_PARENT);
  const root = isByParent ? name.slice(BY_PARENT.length) : name;
  if (!SAMPLERS.some((each) => each === root)) {
    const known = SAMPLERS.flatMap((each) => [each, BY_PARENT + each]).join(", ");
    throw new SealwireError("OPTIONS_INVALID", `OTEL_TRACES_SAMPLER is "${name}"; it must be one of ${known}.`);
  }
  const sampler =
    root === "traceidratio"
      ? new sdk.TraceIdRatioBasedSampler(numberOf(env, "OTEL_TRACES_SAMPLER_ARG", RATIO) ?? 1)
      : root === "always_on"
        ? new sdk.AlwaysOnSampler()
        : new sdk.AlwaysOffSampler();
  return isByParent ? new sdk.ParentBasedSampler({ root: sampler }) : sampler;
}

/** The options of the variables OTEL_BSP_*. Throws OPTIONS_INVALID. */
export function batchingOf(env: Environment): Omit<BatchSpanProcessorOptions, "exporter"> {
  const scheduledDelayMillis = numberOf(env, "OTEL_BSP_SCHEDULE_DELAY", MILLISECONDS);
  const exportTimeoutMillis = numberOf(env, "OTEL_BSP_EXPORT_TIMEOUT", MILLISECONDS);
  const maxQueueSize = numberOf(env, "OTEL_BSP_MAX_QUEUE_SIZE", SPANS);
  const maxExportBatchSize = numberOf(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", SPANS);
  return {
    ...(scheduledDelayMillis !== undefined && { scheduledDelayMillis }),
    ...(exportTimeoutMillis !== undefined && { exportTimeoutMillis }),
    ...(maxQueueSize !== undefined && { maxQueueSize }),
    ...(maxExportBatchSize !== undefined && { maxExportBatchSize }),
  };
}

const ENDPOINTS = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/**
 * Throws OPTIONS_INVALID if the variables ask for an exporter or a protocol other than OTLP in protobuf over HTTP, or for a
 * collector without an address: the exporter would use its default.
 */
export function checkExporter(env: Environment): void {
  const wanted = { OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" };
  const ownProtocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL;
  const given = ownProtocol ? { ...env, OTEL_EXPORTER_OTLP_PROTOCOL: ownProtocol } : env;
  for (const [name, only] of Object.entries(wanted)) {
    const value = given[name] || only;
    if (value === only) continue;
    throw new SealwireError("OPTIONS_INVALID", `${name} is "${value}"; sealwire sends traces by ${only} only.`);
  }
  for (const name of ENDPOINTS) {
    const value = env[name];
    if (!value || /^https?:$/.test(URL.parse(value)?.protocol ?? "")) continue;
    // The value may hold a password.
    throw new SealwireError("OPTIONS_INVALID", `${name} is no URL; give one such as http://127.0.0.1:4318.`);
  }
}

/** A number in a range; `undefined` if the variable is missing or empty. */
function numberOf(env: Environment, name: string, range: NumberRange): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (isInRange(value, range)) return value;
  throw new SealwireError("OPTIONS_INVALID", `${name} is "${text}"; it must be ${describeRange(range)}.`);
}
