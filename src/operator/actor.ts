import { SealwireError } from "../errors.ts";
import type { KeyRole } from "../signing/key-ring/types.ts";

/** Who uses an {@link OperatorService}: a client with its key, or somebody who signed in elsewhere. */
export interface OperatorActor {
  readonly clientId: string;
  /** `undefined` if no key of the ring was used. */
  readonly keyId: string | undefined;
  /** `undefined`: nothing is permitted. */
  readonly role: KeyRole | undefined;
  /** Address of the peer; absent if it is not known. */
  readonly source?: string;
  /** Id of the signed request; absent if there is none. */
  readonly requestId?: string;
}

/** Throws TOOL_FORBIDDEN unless the actor has this role. An operator may do what a viewer may. */
export function requireRole({ role }: OperatorActor, needed: KeyRole): void {
  if (role === "operator" || (role !== undefined && role === needed)) return;
  throw new SealwireError("TOOL_FORBIDDEN", `This needs the role ${needed}, and the caller has ${role ?? "none"}.`);
}
