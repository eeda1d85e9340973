import { SealwireError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import type { Invocation } from "./invocation.ts";
import type { Tool } from "./tool.ts";

/** True if the caller accepts another definition of the tool only. */
export function isOtherDefinition({ description }: Tool, { request: { envelope } }: Invocation): boolean {
  return envelope.definitionDigest !== "" && envelope.definitionDigest !== description.definitionDigest;
}

/**
 * Throws TOOL_CHANGED unless the intent is known: its outcome or its job is answered, whatever the tool has become
 * since. Otherwise the caller would take what is done for not begun.
 */
export async function refuseUnknown(
  tool: Tool,
  { invocation, store }: { readonly invocation: Invocation; readonly store: Pick<Store, "intents"> },
): Promise<void> {
  const { clientId, requestId } = invocation.request.envelope;
  const isRecorded = tool.policy !== undefined || !tool.repeatable;
  if (isRecorded && (await store.intents.knows(clientId, requestId))) return;
  throw toolChanged(tool);
}

/** The refusal of a call for another definition than the tool has. */
export function toolChanged({ name, description }: Tool): SealwireError {
  return new SealwireError(
    "TOOL_CHANGED",
    `The definition of ${name} is ${description.definitionDigest}, not the one in definition_digest; the call was not begun. Read list_tools again.`,
  );
}
