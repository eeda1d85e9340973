import { SealwireError } from "../../errors.ts";

/** The packages of OpenTelemetry that `--otel` needs: optional peer dependencies. */
export interface TelemetryPackages {
  readonly sdk: typeof import("@opentelemetry/sdk-trace");
  readonly resources: typeof import("@opentelemetry/resources");
  readonly exporter: typeof import("@opentelemetry/exporter-trace-otlp-proto");
}

/** Codes of a missing package, by `import` and, in a bundle, by `require`. */
const MISSING: ReadonlySet<string | undefined> = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);
const INSTALL =
  "npm install @opentelemetry/sdk-trace@3 @opentelemetry/resources@3 @opentelemetry/exporter-trace-otlp-proto@0.301";

/** Loads the packages. Throws OPTIONS_INVALID with the command that installs them if one is missing. */
export async function loadTelemetryPackages(): Promise<TelemetryPackages> {
  // A bundler accepts a missing package only where the import itself has a handler.
  return {
    sdk: await import("@opentelemetry/sdk-trace").catch((thrown) => explain("@opentelemetry/sdk-trace", thrown)),
    resources: await import("@opentelemetry/resources").catch((thrown) => explain("@opentelemetry/resources", thrown)),
    exporter: await import("@opentelemetry/exporter-trace-otlp-proto").catch((thrown) =>
      explain("@opentelemetry/exporter-trace-otlp-proto", thrown),
    ),
  };
}

function explain(name: string, thrown: NodeJS.ErrnoException): never {
  if (!MISSING.has(thrown.code)) throw thrown;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `Traces need the package ${name}, which is not installed.\nRun \`${INSTALL}\`, or leave --otel out.`,
    { cause: thrown },
  );
}
