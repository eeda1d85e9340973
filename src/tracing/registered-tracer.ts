import { type Tracer, type TracerProvider, trace } from "@opentelemetry/api";
import { VERSION } from "../runtime/version.ts";

const SCOPE = "sealwire";

/** The provider of the API, which tells whether another one is registered. */
interface Delegating extends TracerProvider {
  getDelegateTracer?(name: string, version: string): Tracer | undefined;
}

/** The tracer of the OpenTelemetry provider that the process has registered; `undefined` if there is none. */
export function registeredTracer(): Tracer | undefined {
  const provider: Delegating = trace.getTracerProvider();
  return provider.getDelegateTracer === undefined
    ? provider.getTracer(SCOPE, VERSION)
    : provider.getDelegateTracer(SCOPE, VERSION);
}
