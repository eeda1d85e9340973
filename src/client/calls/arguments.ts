import { fromJson, isMessage, type JsonValue, type Message, toBinary } from "@bufbuild/protobuf";
import { SealwireError } from "../../errors.ts";
import { describeMisfit } from "../../validation/json-misfit.ts";
import { checkJsonNumbers, JsonNumberError } from "../../validation/json-numbers.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import type { ToolContract } from "../contracts/contracts.ts";
import type { EncodedMessage } from "./signer.ts";

/** The arguments of a call: ProtoJSON, a message of @bufbuild/protobuf, or bytes that are sent unchanged. */
export type CallArguments = JsonValue | Message | EncodedMessage;

/** True for arguments that can be sent without a contract. */
export function isEncoded(args: CallArguments): args is EncodedMessage {
  return (
    typeof args === "object" &&
    args !== null &&
    !isMessage(args) &&
    "value" in args &&
    args.value instanceof Uint8Array &&
    "typeUrl" in args &&
    typeof args.typeUrl === "string"
  );
}

/**
 * Encodes arguments as the tool's request message. JSON is parsed strictly: unknown fields, wrong types and numbers out
 * of range are refused. Throws ARGS_INVALID with a description of the problem.
 */
export function encodeArguments(contract: ToolContract, args: CallArguments): EncodedMessage {
  if (isEncoded(args)) return args;
  const { tool, input, registry } = contract;
  const typeUrl = TYPE_URL_PREFIX + input.typeName;
  if (isMessage(args) && args.$typeName !== input.typeName) {
    throw new SealwireError("ARGS_INVALID", `${tool} takes a ${input.typeName}, not a ${args.$typeName}.`);
  }
  try {
    if (!isMessage(args)) checkJsonNumbers(input, args as JsonValue);
    const message = isMessage(args) ? args : fromJson(input, args as JsonValue, { registry });
    return { typeUrl, value: toBinary(input, message) };
  } catch (cause) {
    const problem =
      isMessage(args) || cause instanceof JsonNumberError ? messageOf(cause) : misfitOf(contract, args, cause);
    throw new SealwireError(
      "ARGS_INVALID",
      `The arguments do not fit ${input.typeName}: ${problem}${problem.endsWith("?") ? "" : "."}`,
      { cause },
    );
  }
}

function misfitOf({ input, registry }: ToolContract, args: CallArguments, refusal: unknown): string {
  return describeMisfit(input, args as JsonValue, { registry, refusal });
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
