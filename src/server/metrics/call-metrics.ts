import { status as Status } from "@grpc/grpc-js";
import type { Registry } from "prom-client";
import { WIRE_REASONS } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD } from "../../wire/limits.ts";
import type { CallObserver } from "../request/access-log.ts";
import type { Exemplars } from "./exemplars.ts";

/** Upper bounds of the buckets of latencies, in seconds. */
export const LATENCY_BUCKETS_S = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
/** The histogram of the calls, which has exemplars. */
export const HANDLING = "grpc_server_handling_seconds";
const METHOD_LABELS = ["grpc_type", "grpc_service", "grpc_method"] as const;

/**
 * Counts calls under the `grpc_server_*` names of the gRPC ecosystem, and refusals, overdue handlers and connections
 * under `sealwire_*`. All series with known labels are initialized to zero.
 */
export function callMetrics(
  { Counter, Gauge, Histogram }: Pick<typeof import("prom-client"), "Counter" | "Gauge" | "Histogram">,
  registers: Registry[],
  { clock, exemplars }: { readonly clock: Clock; readonly exemplars: Exemplars },
): CallObserver {
  const started = new Counter({
    name: "grpc_server_started_total",
    help: "Calls started.",
    labelNames: METHOD_LABELS,
    registers,
  });
  const handled = new Counter({
    name: "grpc_server_handled_total",
    help: "Calls ended, by gRPC status code.",
    labelNames: [...METHOD_LABELS, "grpc_code"],
    registers,
  });
  const handling = new Histogram({
    name: HANDLING,
    help: "Time from the first to the last byte of a call.",
    labelNames: METHOD_LABELS,
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  const failures = new Counter({
    name: "sealwire_failures_total",
    help: "Calls that were refused or failed, by reason.",
    labelNames: ["reason"],
    registers,
  });
  const refusals = new Counter({
    name: "sealwire_key_refusals_total",
    help: "Calls with a valid signature that were refused, by the key that signed them.",
    labelNames: ["key_id"],
    registers,
  });
  const overdueHandlers = new Gauge({
    name: "sealwire_overdue_handlers",
    help: "Handlers that still run long after their calls were stopped, by tool.",
    labelNames: ["tool"],
    registers,
  });
  const connections = new Gauge({
    name: "sealwire_connections",
    help: "Client connections, including those in their handshake.",
    registers,
  });
  for (const method of [CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD]) {
    const labels = labelsOf(method);
    started.inc(labels, 0);
    handling.zero(labels);
    for (const grpc_code of CODE_NAMES.values()) handled.inc({ ...labels, grpc_code }, 0);
  }
  for (const reason of Object.keys(WIRE_REASONS)) failures.inc({ reason }, 0);
  return {
    callStarted: ({ method }) => started.inc(labelsOf(method)),
    callEnded: ({ method, reason, keyId, exemplar }, code, durationMs) => {
      const labels = labelsOf(method);
      handled.inc({ ...labels, grpc_code: codeName(code) });
      handling.observe(labels, durationMs / 1000);
      if (exemplar !== undefined) exemplars.note(labels.grpc_method, durationMs / 1000, exemplar, clock.nowMs());
      if (reason === "") return;
      failures.inc({ reason });
      // Only a key of the ring can be here: its signature has been verified.
      if (keyId !== undefined && code !== Status.OK) refusals.inc({ key_id: keyId });
    },
    overdueHandlers: (tool, count) => overdueHandlers.set({ tool }, count),
    connectionOpened: () => connections.inc(),
    connectionClosed: () => connections.dec(),
  };
}

interface MethodLabels {
  readonly grpc_type: string;
  readonly grpc_service: string;
  readonly grpc_method: string;
}

const GRPC_TYPES: Readonly<Record<string, string>> = { CallStream: "bidi_stream", WatchJob: "server_stream" };
const LABELS = new Map<string, MethodLabels>();

function labelsOf(path: string): MethodLabels {
  let labels = LABELS.get(path);
  if (labels === undefined) {
    const [, service = "", method = ""] = path.split("/");
    labels = { grpc_type: GRPC_TYPES[method] ?? "unary", grpc_service: service, grpc_method: method };
    LABELS.set(path, labels);
  }
  return labels;
}

const CODE_NAMES = new Map(
  Object.entries(Status)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .map(([name, code]) => [
      code,
      code === Status.OK
        ? "OK"
        : name.toLowerCase().replace(/(^|_)([a-z])/g, (_match, _bar, letter: string) => letter.toUpperCase()),
    ]),
);

/** The code's name as the gRPC ecosystem writes it in metrics, for example "InvalidArgument". */
export function codeName(code: number): string {
  return CODE_NAMES.get(code) ?? "Unknown";
}
