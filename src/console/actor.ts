import type { OperatorActor } from "../operator/actor.ts";
import type { Session } from "./sessions.ts";

/** The actor that somebody is who is signed in. No key is used; the name says that it is the console. */
export function actorOf({ name, role }: Session): OperatorActor {
  return { clientId: name === "console" ? name : `console:${name}`, keyId: undefined, role };
}
