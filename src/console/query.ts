/** The parameters with a value, under the names of the members that they become. */
export function textMembers<Name extends string>(
  query: URLSearchParams,
  parameters: Readonly<Record<Name, string>>,
): Readonly<Partial<Record<Name, string>>> {
  const members = Object.entries<string>(parameters).map(([name, parameter]) => [name, query.get(parameter) ?? ""]);
  return Object.fromEntries(members.filter(([, text]) => text !== "")) as Partial<Record<Name, string>>;
}

/** The whole number of a parameter; `undefined` if it is none. */
export function wholeNumber(query: URLSearchParams, parameter: string): number | undefined {
  const text = query.get(parameter) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
