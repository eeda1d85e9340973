import { CALL_METHOD, CALL_STREAM_METHOD, WATCH_JOB_METHOD } from "../../wire/limits.ts";
import { HEALTH_SERVICE } from "../services/health.ts";
import { REFLECTION_SERVICES } from "../services/reflection.ts";

/**
 * How calls to a gRPC path are handled:
 *
 * - "call" and "watch" are verified once.
 * - "stream" is verified frame by frame.
 * - "anonymous" is passed on unsigned, within limits.
 * - "tool", the native path of a tool, is refused.
 * - "foreign", a path of another service, is passed on unchanged.
 */
export type PathKind = "call" | "watch" | "stream" | "anonymous" | "tool" | "foreign";

/** Options of {@link servicePaths}: the services of a server. */
export interface ServedPaths {
  readonly health: boolean;
  readonly reflection: boolean;
  /** True for the full name of a service with tools. */
  readonly hasTools: (service: string) => boolean;
}

/** Returns a function that classifies paths. Of Sealwire's services, only health and reflection are not verified. */
export function servicePaths({ health, reflection, hasTools }: ServedPaths): (path: string) => PathKind {
  const anonymous = new Set([...(health ? [HEALTH_SERVICE] : []), ...(reflection ? REFLECTION_SERVICES : [])]);
  return (path) => {
    if (path === CALL_METHOD) return "call";
    if (path === WATCH_JOB_METHOD) return "watch";
    if (path === CALL_STREAM_METHOD) return "stream";
    const service = path.slice(1, path.indexOf("/", 1));
    if (anonymous.has(service)) return "anonymous";
    return hasTools(service) ? "tool" : "foreign";
  };
}
