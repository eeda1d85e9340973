import type { Browser, Page } from "playwright-core";
import {
  type OperatedConsole,
  type OperatedConsoleOptions,
  startOperatedConsole,
} from "../../console/operated-console.ts";
import { eventually } from "../../support/eventually.ts";
import { auditLines } from "./audit-lines.ts";
import { startBrowser, WatchedPage } from "./browser.ts";

/** A browser, and the console of a shop with calls that failed, and with jobs that ended, failed and run. */
export class Shop implements AsyncDisposable {
  readonly browser: Browser;
  readonly console: OperatedConsole;

  private constructor(browser: Browser, console: OperatedConsole) {
    this.browser = browser;
    this.console = console;
  }

  static async open(options: OperatedConsoleOptions = {}): Promise<Shop> {
    const browser = await startBrowser();
    const audit = auditLines(250);
    const console = await startOperatedConsole({ clients: ["shop", "warehouse", "reports"], audit, ...options });
    const shop = console.client("shop");
    await shop.call("quote_price", { numbers: [1, 2] });
    await console
      .client("warehouse")
      .call("reserve_stock", { numbers: [-1] })
      .catch(() => {});
    for (const failures of [0, 1, 9]) await shop.call("render_invoice", { numbers: [failures] });
    await console.client("warehouse").call("export_orders", { numbers: [1] });
    await eventually("the invoices have ended", async () => (await console.store.jobs.stats()).byState.FAILED === 1);
    return new Shop(browser, console);
  }

  /** A page whose user has signed in with the one-time URL. */
  async signedIn(): Promise<WatchedPage> {
    const watched = await WatchedPage.open(this.browser);
    await watched.page.goto(this.console.url);
    await watched.page.getByRole("heading", { name: "Overview" }).waitFor();
    return watched;
  }

  /** Opens a page of the console, and waits until it shows data, or that there is none. */
  async visit({ page }: WatchedPage, path: string): Promise<void> {
    await page.goto(this.console.origin + path);
    await page.locator(".live-data, .problem").first().waitFor();
  }

  /** The id of the newest job in a state. */
  async newestJob(state: "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED"): Promise<string> {
    const { jobs } = await this.console.store.operator.jobs({ states: [state], pageSize: 1 });
    return jobs[0]?.jobId ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.console[Symbol.asyncDispose]();
  }
}

/** Waits until a table has this number of rows. */
export async function rowsAre(page: Page, name: string, count: number): Promise<void> {
  const rows = page.getByRole("region", { name }).locator("tbody tr");
  await eventually(`${name} has ${count} rows`, async () => (await rows.count()) === count);
}

/** A script after which the page believes that it is hidden, or seen. */
export function hide(isHidden: boolean): string {
  return `Object.defineProperty(document, "hidden", { configurable: true, value: ${isHidden} });
    document.dispatchEvent(new Event("visibilitychange"));`;
}

/** Presses Tab until this has the focus. Throws if the focus cannot be seen there. */
export async function tabTo(page: Page, role: "link" | "button" | "checkbox", name: string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true });
  await wanted.first().waitFor();
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await wanted.and(page.locator(":focus")).count()) === 0) continue;
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    if (outline !== "solid") throw new Error(`the focus on ${name} cannot be seen`);
    return;
  }
  throw new Error(`Tab does not reach ${role} ${name}`);
}
