import type { Page, PageContext } from "./page.ts";
import { AboutPage } from "./pages/about.ts";
import { ToolPage } from "./pages/tool.ts";
import { ToolsPage } from "./pages/tools.ts";

/** Opens the page of a place. */
export function openPage(context: PageContext): Page {
  const { page, name } = context.place;
  if (page === "/about") return new AboutPage(context);
  return name === "" ? new ToolsPage(context) : new ToolPage(context);
}
