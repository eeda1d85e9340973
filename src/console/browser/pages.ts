import type { Page, PageContext } from "./page.ts";
import { AboutPage } from "./pages/about.ts";
import { AuditPage } from "./pages/audit.ts";
import { JobPage } from "./pages/job.ts";
import { JobsPage } from "./pages/jobs.ts";
import { KeysPage } from "./pages/keys.ts";
import { OverviewPage } from "./pages/overview.ts";
import { ToolPage } from "./pages/tool.ts";
import { ToolsPage } from "./pages/tools.ts";

/** Opens the page of a place. */
export function openPage(context: PageContext): Page {
  const { page, name } = context.place;
  switch (page) {
    case "/jobs":
      return name === "" ? new JobsPage(context) : new JobPage(context);
    case "/tools":
      return name === "" ? new ToolsPage(context) : new ToolPage(context);
    case "/keys":
      return new KeysPage(context);
    case "/audit":
      return new AuditPage(context);
    case "/about":
      return new AboutPage(context);
    default:
      return new OverviewPage(context);
  }
}
