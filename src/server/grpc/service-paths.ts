import { CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD } from "../../wire/limits.ts";
import { HEALTH_SERVICE } from "../services/health.ts";
import { REFLECTION_SERVICES } from "../services/reflection.ts";

/**
 * How requests to a gRPC path are treated: verified once (a call, a watch), verified frame by frame, let through unsigned
 * within limits, refused because it is the native path of a tool, or, of a foreign service, let through as they are.
 */
export type PathKind = "call" | "watch" | "stream" | "anonymous" | "tool" | "foreign";

/** What {@link servicePaths} must know of what is served. */
export interface ServedPaths {
  readonly health: boolean;
  readonly reflection: boolean;
  readonly tools: readonly { readonly fullName: string }[];
}

/** Tells how each path is treated. Of ours, exempt from verification are exactly the health and reflection services. */
export function servicePaths({ health, reflection, tools }: ServedPaths): (path: string) => PathKind {
  const anonymous = pathsOf([...(health ? [HEALTH_SERVICE] : []), ...(reflection ? REFLECTION_SERVICES : [])]);
  const toolPaths = pathsOf(tools.map(({ fullName }) => fullName));
  return (path) => {
    if (path === CALL_METHOD) return "call";
    if (path === WATCH_JOB_METHOD) return "watch";
    if (path === CALL_STREAM_METHOD) return "stream";
    if (anonymous.some((prefix) => path.startsWith(prefix))) return "anonymous";
    return toolPaths.some((prefix) => path.startsWith(prefix)) ? "tool" : "foreign";
  };
}

function pathsOf(services: readonly string[]): readonly string[] {
  return services.map((fullName) => `/${fullName}/`);
}
