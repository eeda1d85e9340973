import { SealwireError } from "../../errors.ts";
import { formatTime } from "../../files/json-fields.ts";
import { ringFieldAtFault } from "../../signing/key-ring/document.ts";
import type { RingChange } from "./key-ring-access.ts";

/** The option values that a command writes into a key ring or into credentials. */
export interface GivenOptions {
  readonly clientId?: string;
  readonly serverId?: string | undefined;
  readonly tools?: readonly string[];
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly grace?: number;
  readonly import?: string;
  /** The address for the credentials, and the option or variable that set it. */
  readonly address?: { readonly from: string; readonly value: string };
}

const SHOWN_MOST = 80;

/**
 * Converts the error for an invalid new key ring or credentials to an error that names the option, because the option
 * and not the old ring is at fault. Returns other values unchanged.
 */
function inTermsOfOptions(thrown: unknown, given: GivenOptions): unknown {
  const fault = ringFieldAtFault(thrown);
  const option = fault && optionOf(fault.path, given);
  if (fault === undefined || option === undefined) return thrown;
  const problem = fault.message.slice(fault.path.length + 2).replaceAll(/\bnot_(before|after)\b/g, "--not-$1");
  return new SealwireError("OPTIONS_INVALID", `${option} ${problem}.\nGive another value; nothing was changed.`, {
    cause: thrown,
  });
}

/**
 * Changes a ring: `apply` reads the old ring and replaces it by the result of `change`. Errors after the read are
 * converted by {@link inTermsOfOptions}. An error of the read concerns the old ring itself and is thrown unchanged.
 */
export async function changeRing(
  apply: (change: RingChange) => Promise<unknown>,
  change: RingChange,
  given: GivenOptions,
): Promise<void> {
  let isRead = false;
  try {
    await apply((before) => {
      isRead = true;
      return change(before);
    });
  } catch (thrown) {
    throw isRead ? inTermsOfOptions(thrown, given) : thrown;
  }
}

/** The option, with its value, that set the field at a path such as `keys[2].client_id`. */
function optionOf(path: string, given: GivenOptions): string | undefined {
  const [, field = path, index] = /^keys\[\d+\][., ]+(?:its )?(\w+)(?:\[(\d+)\])?/.exec(path) ?? [];
  const { clientId, serverId, tools, notBefore, notAfter, grace, address } = given;
  switch (field) {
    case "address":
      return address && `${address.from} ${shown(address.value)}`;
    case "server_id":
      return serverId === undefined ? undefined : `--server-id ${shown(serverId)}`;
    case "client_id":
      return clientId === undefined ? undefined : `The client id ${shown(clientId)}`;
    case "tools":
      return tools && `--tools ${shown(tools[Number(index)] ?? "")}`;
    case "not_before":
      return notBefore === undefined ? undefined : `--not-before ${formatTime(notBefore)}`;
    case "not_after":
      if (notAfter !== undefined) return `--not-after ${formatTime(notAfter)}`;
      return grace === undefined ? undefined : "The end of the key by --grace";
    case "request":
    case "response":
    case "request_key":
    case "response_key":
      return given.import === undefined ? undefined : `--import ${shown(given.import)}: the key`;
    default:
      return undefined;
  }
}

function shown(value: string): string {
  return JSON.stringify(value.length > SHOWN_MOST ? `${value.slice(0, SHOWN_MOST)}…` : value);
}
