import { CALL_METHOD, WATCH_JOB_METHOD } from "../wire/limits.ts";

const ANONYMOUS_SERVICES = [
  "/grpc.health.v1.Health/",
  "/grpc.reflection.v1.ServerReflection/",
  "/grpc.reflection.v1alpha.ServerReflection/",
];

/** How requests to a gRPC path are treated: verified, let through unsigned, or refused as a tool that is called natively. */
export type PathKind = "signed" | "anonymous" | "native";

/** Tells how a path is treated. Exempt from verification are exactly the health and reflection services. */
export function pathKind(path: string): PathKind {
  if (path === CALL_METHOD || path === WATCH_JOB_METHOD) return "signed";
  return ANONYMOUS_SERVICES.some((prefix) => path.startsWith(prefix)) ? "anonymous" : "native";
}
