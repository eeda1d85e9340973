import { type DescField, type DescMessage, fromBinary, type Registry, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Any, FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { MAX_CANONICAL_RETRY_BYTES } from "../../signing/request/verify.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";

/** A value that relays do not send as it was signed, when they convert JSON to bytes (docs/protocol-server.md, "Relays"). */
export interface RelayChange {
  /** Path of the value: field names separated by dots, with `[3]` in a list and `["key"]` in a map. */
  readonly path: string;
  /** Description of the value and of its change. */
  readonly what: string;
}

/** The signed arguments of a request. */
export interface SignedArgs {
  readonly desc: DescMessage;
  readonly value: Uint8Array;
  /** Size of the whole frame in bytes. */
  readonly frameBytes: number;
  /** The types that an Any may contain. */
  readonly registry: Registry;
}

/** Finds the values that grpcurl or buf curl changes, which invalidates the signature, or refuses. */
export function relayChanges({ desc, value, frameBytes, registry }: SignedArgs): RelayChange[] {
  const args = new RelayedMessage(registry);
  args.message(reflect(desc, fromBinary(desc, value)), "");
  // A server restores the signed order, unless the frame is too large or contains an Any.
  const isOrderLost = frameBytes > MAX_CANONICAL_RETRY_BYTES || args.holdsAny;
  const order = "a map of several entries, whose order a relay changes";
  return [...args.changes, ...(isOrderLost ? args.maps.map((path) => ({ path, what: order })) : [])];
}

const FIELD_MASK = "google.protobuf.FieldMask";
const ANY = "google.protobuf.Any";
/** Relays have special code for these types, which preserves -0. */
const WELL_KNOWN = "google.protobuf.";

/** Collects the changes in a message and its nested messages. */
class RelayedMessage {
  readonly changes: RelayChange[] = [];
  /** The paths of maps with more than one entry. */
  readonly maps: string[] = [];
  holdsAny = false;
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  message(message: ReflectMessage, path: string): void {
    const { typeName } = message.desc;
    if (typeName === FIELD_MASK) this.#note(path, "a FieldMask, which grpcurl refuses");
    else if (typeName === ANY) this.#any(message.message as Any, path);
    else for (const field of message.fields) if (message.isSet(field)) this.#field(message, field, path);
  }

  #any({ typeUrl, value }: Any, path: string): void {
    this.holdsAny = true;
    if (typeUrl === "") this.#note(path, "an Any without a type, which grpcurl refuses");
    const desc = this.#registry.getMessage(typeUrl.replace(TYPE_URL_PREFIX, ""));
    if (desc !== undefined) this.message(reflect(desc, fromBinary(desc, value)), path);
  }

  #field(message: ReflectMessage, field: DescField, above: string): void {
    const path = above === "" ? field.name : `${above}.${field.name}`;
    if (field.fieldKind === "message") this.message(message.get(field), path);
    else if (field.fieldKind === "list") {
      const list = message.get(field);
      for (let index = 0; index < list.size; index += 1) this.#one(field, list.get(index), `${path}[${index}]`);
    } else if (field.fieldKind === "map") {
      const map = message.get(field);
      if (map.size > 1) this.maps.push(path);
      for (const [key, each] of map) this.#one(field, each, `${path}[${JSON.stringify(String(key))}]`);
    } else {
      const value: unknown = message.get(field);
      const isDropped = field.presence === FeatureSet_FieldPresence.IMPLICIT && Object.is(value, -0);
      if (isDropped && !message.desc.typeName.startsWith(WELL_KNOWN)) this.#note(path, "-0, which grpcurl sends as 0");
      this.#one(field, value, path);
    }
  }

  /** Checks a value, an item of a list, or the value of a map entry. */
  #one({ message, scalar }: DescField, value: unknown, path: string): void {
    if (message !== undefined) this.message(value as ReflectMessage, path);
    else if (scalar === ScalarType.DOUBLE && Number.isNaN(value))
      this.#note(path, "NaN, which relays encode differently");
  }

  #note(path: string, what: string): void {
    this.changes.push({ path, what });
  }
}
