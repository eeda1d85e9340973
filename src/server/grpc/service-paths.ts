import { CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD } from "../../wire/limits.ts";

const HEALTH = ["/grpc.health.v1.Health/"];
const REFLECTION = ["/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/**
 * How requests to a gRPC path are treated: verified once (a call, a watch), verified frame by frame, let through unsigned
 * within limits, refused as a tool that is called natively, or, of a service that is not ours, let through as they are.
 */
export type PathKind = "call" | "watch" | "stream" | "anonymous" | "native" | "foreign";

/** What {@link servicePaths} must know of what is served. */
export interface ServedPaths {
  readonly health: boolean;
  readonly reflection: boolean;
  readonly tools: readonly { readonly fullName: string }[];
}

/** Tells how each path is treated. Of ours, exempt from verification are exactly the health and reflection services. */
export function servicePaths({ health, reflection, tools }: ServedPaths): (path: string) => PathKind {
  const anonymous = [...(health ? HEALTH : []), ...(reflection ? REFLECTION : [])];
  const native = tools.map(({ fullName }) => `/${fullName}/`);
  return (path) => {
    if (path === CALL_METHOD) return "call";
    if (path === WATCH_JOB_METHOD) return "watch";
    if (path === CALL_STREAM_METHOD) return "stream";
    if (anonymous.some((prefix) => path.startsWith(prefix))) return "anonymous";
    return native.some((prefix) => path.startsWith(prefix)) ? "native" : "foreign";
  };
}
