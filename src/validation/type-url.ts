import { SealwireError } from "../errors.ts";

/** The ARGS_INVALID error for arguments whose type URL is not that of the tool's request. */
export function argsMisfit(tool: string, typeUrl: string): SealwireError {
  return new SealwireError("ARGS_INVALID", `The args of "${tool}" must have the type URL ${typeUrl}.`, {
    violations: [{ field: "", ruleId: "type_url", message: `must be ${typeUrl}` }],
  });
}
