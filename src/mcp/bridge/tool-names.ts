import { createHash } from "node:crypto";
import { SealwireError } from "../../errors.ts";

/** Hosts accept names of 64 characters, in which they write the name of the server before that of the tool. */
const HOST_NAME_MOST = 64;
const HOST_PREFIX_RESERVE = 16;

/** Longest name that the bridge gives a tool. */
export const TOOL_NAME_MOST = HOST_NAME_MOST - HOST_PREFIX_RESERVE;

/** Longest prefix that a user may choose. */
const PREFIX_MOST = 16;
const DIGEST_DIGITS = 6;

/** Checks the prefix of all names. Throws OPTIONS_INVALID. */
export function checkPrefix(prefix: string): string {
  if (/^[A-Za-z0-9_-]*$/.test(prefix) && prefix.length <= PREFIX_MOST) return prefix;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `The prefix ${JSON.stringify(prefix)} must have at most ${PREFIX_MOST} letters, digits, "_" or "-".`,
  );
}

/**
 * The name of a tool for hosts: with the prefix, and at most {@link TOOL_NAME_MOST} characters. The end of a longer name
 * is replaced by a digest of the whole, so that it is the same in every process.
 */
export function hostName(prefix: string, tool: string): string {
  const whole = prefix + tool;
  if (whole.length <= TOOL_NAME_MOST) return whole;
  const digest = createHash("sha256").update(whole).digest("hex").slice(0, DIGEST_DIGITS);
  return `${whole.slice(0, TOOL_NAME_MOST - DIGEST_DIGITS - 1)}_${digest}`;
}

/** The error of two tools that would have one name. */
export function nameClash(name: string, one: string, other: string): SealwireError {
  return new SealwireError(
    "OPTIONS_INVALID",
    `${one} and ${other} would both be named ${name}.\nLeave one of them out with --tools, or change --prefix.`,
  );
}
