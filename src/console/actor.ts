import type { OperatorActor } from "../operator/actor.ts";
import type { RouteRequest } from "./route.ts";

/** The actor that somebody is who is signed in. No key is used; the name says that it is the console. */
export function actorOf({ session: { name, role }, source }: Pick<RouteRequest, "session" | "source">): OperatorActor {
  const clientId = name === "console" ? name : `console:${name}`;
  return { clientId, keyId: undefined, role, ...(source !== undefined && { source }) };
}
