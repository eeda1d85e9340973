import { fromBinary, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { SealwireError } from "../../errors.ts";
import { opaqueJson, toLenientJson } from "../../validation/lenient-json.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import { typeNameOf } from "../../wire/type-name.ts";
import type { ContractSource } from "../contracts/contract-source.ts";
import type { EncodedMessage } from "./signer.ts";

/** A verified result, and methods to read it. */
export class ToolOutput implements EncodedMessage {
  /** For example "type.googleapis.com/sealwire.demo.v1.BatchSumResponse". */
  readonly typeUrl: string;
  /** The serialized message, exactly as the server signed it. */
  readonly value: Uint8Array;
  readonly #contracts: ContractSource;

  /** @internal */
  constructor({ typeUrl, value }: EncodedMessage, contracts: ContractSource) {
    this.typeUrl = typeUrl;
    this.value = value;
    this.#contracts = contracts;
  }

  /** Full name of the message, for example "sealwire.demo.v1.BatchSumResponse". */
  get typeName(): string {
    return typeNameOf(this.typeUrl);
  }

  /**
   * The result as a message of @bufbuild/protobuf. Requests the descriptors from the server if this client does not
   * have those of the type. Throws RESPONSE_INVALID if the bytes do not decode as this message.
   */
  async message(): Promise<Message> {
    return (await this.#read()).message;
  }

  /**
   * The result as ProtoJSON; otherwise like {@link message}. Also throws RESPONSE_INVALID for values without a
   * ProtoJSON form, such as NaN in a Struct or an Any of an unknown type: see {@link lenientJson}.
   */
  async json(): Promise<JsonValue> {
    const { desc, message } = await this.#read();
    try {
      return toJson(desc, message, { registry: this.#contracts.registry() });
    } catch {
      // An Any in the message may have a type that only the server's descriptors contain.
      const registry = await this.#contracts.fullRegistry();
      return converted(this.typeName, () => toJson(desc, message, { registry }));
    }
  }

  /**
   * The result as JSON for display. It is ProtoJSON if possible. Values without a ProtoJSON form are written in a
   * similar form, and bytes that do not decode as this message in base64.
   */
  async lenientJson(): Promise<JsonValue> {
    try {
      return await this.json();
    } catch (thrown) {
      if (SealwireError.from(thrown).reason !== "RESPONSE_INVALID") throw thrown;
    }
    try {
      const { desc, message } = await this.#read();
      return toLenientJson(desc, message, this.#contracts.registry());
    } catch {
      return opaqueJson(this);
    }
  }

  async #read() {
    const desc = await this.#contracts.forMessage(this.typeName);
    return { desc, message: decoded(this.typeName, () => fromBinary(desc, this.value)) };
  }
}

/** Decodes a verified result. Throws RESPONSE_INVALID if it does not have the declared type or does not decode. */
export function decodeAs<T>(message: EncodedMessage, typeName: string, decode: (bytes: Uint8Array) => T): T {
  if (message.typeUrl === TYPE_URL_PREFIX + typeName) return decoded(typeName, () => decode(message.value));
  throw new SealwireError(
    "RESPONSE_INVALID",
    `The answer holds a ${typeNameOf(message.typeUrl)} where the contract declares ${typeName}; compare both sides' contracts.`,
  );
}

function converted<T>(typeName: string, convert: () => T): T {
  try {
    return convert();
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new SealwireError("RESPONSE_INVALID", `The ${typeName} has no form in ProtoJSON: ${problem}.`, { cause });
  }
}

function decoded<T>(typeName: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new SealwireError("RESPONSE_INVALID", `The answer is signed but does not decode as ${typeName}.`, {
      cause,
    });
  }
}
