import { CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD } from "../../wire/limits.ts";

const ANONYMOUS_SERVICES = [
  "/grpc.health.v1.Health/",
  "/grpc.reflection.v1.ServerReflection/",
  "/grpc.reflection.v1alpha.ServerReflection/",
];

/** How requests to a gRPC path are treated: verified once (a call, a watch), verified frame by frame, let through unsigned, or refused as a tool that is called natively. */
export type PathKind = "call" | "watch" | "stream" | "anonymous" | "native";

/** Tells how a path is treated. Exempt from verification are exactly the health and reflection services. */
export function pathKind(path: string): PathKind {
  if (path === CALL_METHOD) return "call";
  if (path === WATCH_JOB_METHOD) return "watch";
  if (path === CALL_STREAM_METHOD) return "stream";
  return ANONYMOUS_SERVICES.some((prefix) => path.startsWith(prefix)) ? "anonymous" : "native";
}
