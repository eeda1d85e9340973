import type { Timestamp } from "../../gen/google/protobuf/timestamp.ts";
import { type Key, KeyRole as RoleNumber, KeyState as StateNumber } from "../../gen/sealwire/operator/v1/key.ts";
import type { KeyRole, KeyState } from "../signing/key-ring/types.ts";
import { fromTimeMs } from "../wire/duration.ts";
import type { KeyView } from "./key-view.ts";

const STATES: Readonly<Record<KeyState, StateNumber>> = {
  active: StateNumber.ACTIVE,
  retiring: StateNumber.RETIRING,
  revoked: StateNumber.REVOKED,
};
const ROLES: Readonly<Record<KeyRole, RoleNumber>> = { viewer: RoleNumber.VIEWER, operator: RoleNumber.OPERATOR };

/** Converts a key to a `sealwire.operator.v1.Key`. */
export function toKeyMessage(key: KeyView): Key {
  const { callsPerSecond, burst, callsInFlight, openJobs, openWatches } = key.limits;
  return {
    keyId: key.keyId,
    clientId: key.clientId,
    state: STATES[key.state],
    role: key.role === undefined ? RoleNumber.UNSPECIFIED : ROLES[key.role],
    tools: [...key.tools],
    createTime: optionalTime(key.createdAtMs),
    notBefore: optionalTime(key.notBeforeMs),
    notAfter: optionalTime(key.notAfterMs),
    lastUseTime: optionalTime(key.lastUsedAtMs),
    limits: {
      callsPerSecond,
      burst: BigInt(burst),
      callsInFlight: BigInt(callsInFlight),
      openJobs: BigInt(openJobs),
      openWatches: BigInt(openWatches),
    },
  };
}

function optionalTime(timeMs: number | undefined): Timestamp | undefined {
  return timeMs === undefined ? undefined : fromTimeMs(timeMs);
}
