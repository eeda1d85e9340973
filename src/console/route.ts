import type { Answer } from "./answer.ts";
import { dataAnswer } from "./answer.ts";
import type { ConsoleRole } from "./principals.ts";
import type { Session } from "./sessions.ts";

/** One request, as a route gets it. */
export interface RouteRequest {
  readonly session: Session;
  /** The address of the peer with its port; `undefined` in a live view, which has no effect. */
  readonly source: string | undefined;
  /** The variable part of the path, decoded; "" if the route has none. */
  readonly name: string;
  readonly query: URLSearchParams;
  /** The parsed JSON of the body; `undefined` for GET. */
  readonly body: unknown;
}

/** One path of the API. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Such as "/api/jobs/*", where * is one segment. */
  readonly path: string;
  /** Who may use it: an operator may do what a viewer may. */
  readonly role: ConsoleRole;
  /** Time between two readings in a live view, in milliseconds. `undefined`: cannot be watched. */
  readonly intervalMs?: number;
  answer(request: RouteRequest): Promise<unknown> | unknown;
}

/** A route for a path, and the variable part of that path. */
export interface FoundRoute {
  readonly route: Route;
  readonly name: string;
}

/** Finds the route of a path. `undefined` for a path that is none, that cannot be decoded, or that names nothing. */
export function findRoute(routes: readonly Route[], method: string, path: string): FoundRoute | undefined {
  for (const route of routes) {
    if (route.method !== method) continue;
    const [before = "", after] = route.path.split("*");
    if (after === undefined) {
      if (path === route.path) return { route, name: "" };
      continue;
    }
    if (!path.startsWith(before) || !path.endsWith(after)) continue;
    const segment = path.slice(before.length, path.length - after.length);
    const name = /^[^/]+$/.test(segment) ? decoded(segment) : undefined;
    if (name !== undefined) return { route, name };
  }
  return undefined;
}

/** True if somebody of this role may use a route. */
export function mayUse(role: ConsoleRole, route: Route): boolean {
  return role === "operator" || route.role === "viewer";
}

/** Answers a request. Data of a route becomes JSON; a route may also give a whole answer. */
export async function answerOf(route: Route, request: RouteRequest): Promise<Answer> {
  const data = await route.answer(request);
  return isAnswer(data) ? data : dataAnswer(data);
}

function isAnswer(data: unknown): data is Answer {
  return typeof data === "object" && data !== null && "contentType" in data;
}

/** No name holds U+0000, which PostgreSQL refuses. */
function decoded(segment: string): string | undefined {
  try {
    const name = decodeURIComponent(segment);
    return name.includes("\0") ? undefined : name;
  } catch {
    return undefined;
  }
}
