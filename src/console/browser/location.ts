/** The pages, in the order of the navigation. */
export const PAGES = [
  { path: "/", title: "Overview" },
  { path: "/jobs", title: "Jobs" },
  { path: "/tools", title: "Tools" },
  { path: "/keys", title: "Keys" },
  { path: "/audit", title: "Audit" },
  { path: "/about", title: "About" },
] as const;

/** What an address shows. */
export interface Place {
  /** The path of the page, such as "/jobs". */
  readonly page: string;
  /** What it shows of it, such as the id of a job; "" for all. */
  readonly name: string;
  readonly query: URLSearchParams;
}

/** Reads an address. A path that is none shows the overview. */
export function placeOf({ pathname, search }: { readonly pathname: string; readonly search: string }): Place {
  const [, first = "", second = ""] = pathname.split("/");
  const page = PAGES.find(({ path }) => path === `/${first}`)?.path ?? "/";
  return { page, name: decoded(second), query: new URLSearchParams(search) };
}

/** Writes an address. Parameters that are empty are left out; a list becomes one parameter for each item. */
export function hrefOf(path: string, query: Readonly<Record<string, string | readonly string[]>> = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of typeof value === "string" ? [value] : value) if (each !== "") parameters.append(name, each);
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
