import { SealwireError } from "../errors.ts";

const TOOL_NAME = /^[a-z][a-z0-9_]{0,127}$/;

/**
 * The tool name of a method: its name in snake_case. Consecutive capitals form one word; the last of them begins the
 * next word if a lower-case letter follows: `BatchSum` → `batch_sum`, `GetURLInfo` → `get_url_info`, `MD5Sum` →
 * `md5_sum`.
 */
export function toToolName(methodName: string): string {
  return methodName
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();
}

/** Throws OPTIONS_INVALID if `name` is not valid in an envelope. */
export function checkToolName(name: string, method: string): void {
  if (TOOL_NAME.test(name)) return;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `The tool name "${name}" of ${method} must match ${TOOL_NAME.source}; set another with option (sealwire.v1.tool).name.`,
  );
}
