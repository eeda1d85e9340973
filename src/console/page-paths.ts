const PAGES: ReadonlySet<string> = new Set(["/", "/jobs", "/tools", "/keys", "/audit", "/about"]);
const DETAIL = /^\/(jobs|tools)\/[^/]+$/;

/** True for the path of a page, for which the document is served. What it shows is decided in the browser. */
export function isPagePath(path: string): boolean {
  return PAGES.has(path) || DETAIL.test(path);
}
