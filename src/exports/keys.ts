/** `sealwire/keys`: makes, changes, parses and formats key rings and credentials. */
import "../runtime/check-node.ts";

export {
  type ErrorDetail,
  type FieldViolation,
  type Reason,
  SealwireError,
  type SealwireErrorOptions,
  type StatusName,
  type WireReason,
} from "../errors.ts";
export type { ReadableText } from "../files/readable-text.ts";
export type { Clock } from "../runtime/clock.ts";
export type { Logger } from "../runtime/logger.ts";
export type { Random } from "../runtime/random.ts";
export type { ChangeableKeyRing, KeyRingChange } from "../signing/key-ring/changeable-key-ring.ts";
export {
  type AddedKey,
  addKey,
  type ChangeContext,
  type KeyRotation,
  type NewKey,
  newKeyRing,
  retireKey,
  revokeKey,
  rotateKey,
  rotateServerSecret,
} from "../signing/key-ring/changes.ts";
export {
  type ClientCredentials,
  credentialsOf,
  formatCredentials,
  parseCredentials,
  readCredentials,
} from "../signing/key-ring/credentials.ts";
export {
  formatKeyRing,
  type KeyEntry,
  type KeyOrigin,
  type KeyRingDocument,
  parseKeyRing,
  type ServerSecret,
} from "../signing/key-ring/document.ts";
export { type WatchedRingOptions, watchKeyRing } from "../signing/key-ring/file-key-ring.ts";
export { buildKeyRing } from "../signing/key-ring/key-ring.ts";
export type { FollowOptions, WatchedKeyRing } from "../signing/key-ring/key-ring-watcher.ts";
export { type MemoryKeyRing, memoryKeyRing } from "../signing/key-ring/memory-key-ring.ts";
export type {
  KeyLimits,
  KeyRing,
  KeyRingSource,
  KeyRole,
  KeyState,
  VerificationKey,
} from "../signing/key-ring/types.ts";
