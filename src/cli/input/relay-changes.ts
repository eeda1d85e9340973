import { type DescField, type DescMessage, fromBinary, type Registry, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Any, FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { MAX_CANONICAL_RETRY_BYTES } from "../../signing/request/verify.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";

/** A value that programs which turn JSON into bytes do not send as it was signed (docs/protocol-server.md, Relays). */
export interface RelayChange {
  /** Dotted names of the fields down to the value, with `[3]` in a list and `["key"]` in a map. */
  readonly path: string;
  /** What it is, and what becomes of it. */
  readonly what: string;
}

/** The signed arguments of a request. */
export interface SignedArgs {
  readonly desc: DescMessage;
  readonly value: Uint8Array;
  /** Bytes of the whole frame. */
  readonly frameBytes: number;
  /** Knows the types that an Any may hold. */
  readonly registry: Registry;
}

/** Finds the values that grpcurl or buf curl would change, so that the signature does not hold, or would not take. */
export function relayChanges({ desc, value, frameBytes, registry }: SignedArgs): RelayChange[] {
  const args = new RelayedMessage(registry);
  args.message(reflect(desc, fromBinary(desc, value)), "");
  // A server finds the order that was signed again, unless the frame is large or an Any hides a part of it.
  const isOrderLost = frameBytes > MAX_CANONICAL_RETRY_BYTES || args.holdsAny;
  const order = "a map of several entries, whose order a relay draws anew";
  return [...args.changes, ...(isOrderLost ? args.maps.map((path) => ({ path, what: order })) : [])];
}

const FIELD_MASK = "google.protobuf.FieldMask";
const ANY = "google.protobuf.Any";
/** Relays have code of their own for these, which keeps -0. */
const WELL_KNOWN = "google.protobuf.";

/** Looks at one message and all that stands in it. */
class RelayedMessage {
  readonly changes: RelayChange[] = [];
  /** The paths of the maps with more than one entry. */
  readonly maps: string[] = [];
  holdsAny = false;
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  message(message: ReflectMessage, path: string): void {
    const { typeName } = message.desc;
    if (typeName === FIELD_MASK) this.#note(path, "a FieldMask, which grpcurl does not take");
    else if (typeName === ANY) this.#any(message.message as Any, path);
    else for (const field of message.fields) if (message.isSet(field)) this.#field(message, field, path);
  }

  #any({ typeUrl, value }: Any, path: string): void {
    this.holdsAny = true;
    if (typeUrl === "") this.#note(path, "an Any without a type, which grpcurl does not take");
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
      if (isDropped && !message.desc.typeName.startsWith(WELL_KNOWN))
        this.#note(path, "-0, in place of which grpcurl sends 0");
      this.#one(field, value, path);
    }
  }

  /** A value, an item of a list, or the value of a map's entry. */
  #one({ message, scalar }: DescField, value: unknown, path: string): void {
    if (message !== undefined) this.message(value as ReflectMessage, path);
    else if (scalar === ScalarType.DOUBLE && Number.isNaN(value))
      this.#note(path, "NaN, of which relays send another encoding");
  }

  #note(path: string, what: string): void {
    this.changes.push({ path, what });
  }
}
