import type { IncomingMessage } from "node:http";
import type { OperatorAccess } from "../operator/action.ts";
import type { OperatorActor } from "../operator/actor.ts";
import { formatAddress } from "../server/listen/address.ts";
import type { RouteRequest } from "./route.ts";
import type { Session } from "./sessions.ts";

/** The actor that somebody is who is signed in. No key is used; the name says that it is the console. */
export function actorOf({ session: { name, role }, source }: Pick<RouteRequest, "session" | "source">): OperatorActor {
  const clientId = name === "console" ? name : `console:${name}`;
  return { clientId, keyId: undefined, role, ...(source !== undefined && { source }) };
}

/** A sign-in or a refusal, and the session of who it is, if that is known. */
export interface ToldAccess extends Pick<OperatorAccess, "kind" | "cause"> {
  readonly session: Session | undefined;
}

/** The address of the peer with its port; `undefined` if it has gone. */
export function sourceOf({ socket: { remoteAddress: host, remotePort: port } }: IncomingMessage): string | undefined {
  return host === undefined || port === undefined ? undefined : formatAddress({ kind: "tcp", host, port });
}
