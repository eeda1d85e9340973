import { SealwireError } from "../errors.ts";

/**
 * The parameters with a value, under the names of the members that they become. Throws ARGS_INVALID for one with U+0000,
 * which PostgreSQL refuses: without it, a filter would fit more than was asked for.
 */
export function textMembers<Name extends string>(
  query: URLSearchParams,
  parameters: Readonly<Record<Name, string>>,
): Readonly<Partial<Record<Name, string>>> {
  const members = Object.entries<string>(parameters).map(([name, parameter]) => [name, query.get(parameter) ?? ""]);
  for (const parameter of Object.values<string>(parameters)) {
    if (!query.get(parameter)?.includes("\0")) continue;
    throw new SealwireError("ARGS_INVALID", `The parameter ${parameter} must not contain U+0000.`);
  }
  return Object.fromEntries(members.filter(([, text]) => text !== "")) as Partial<Record<Name, string>>;
}

/** The whole number of a parameter; `undefined` if it is none. */
export function wholeNumber(query: URLSearchParams, parameter: string): number | undefined {
  const text = query.get(parameter) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
