import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { assert } from "../../support/suite.ts";

const ARGUMENTS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How a page is looked at. */
export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  readonly motion?: "reduce" | "no-preference";
}

/** Starts the browser of the system. `rules` are host names that lead elsewhere. */
export function startBrowser(rules = ""): Promise<Browser> {
  const args = rules === "" ? ARGUMENTS : [...ARGUMENTS, `--host-resolver-rules=${rules}`];
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error("there is no chromium");
  return chromium.launch({ executablePath, args });
}

/** A page, and what must not happen on it. */
export class WatchedPage implements AsyncDisposable {
  readonly page: Page;
  readonly #context: BrowserContext;
  /** Errors of scripts, dialogs, and violations of the content security policy. */
  readonly problems: string[] = [];
  /** The addresses of all requests. */
  readonly requests: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on("pageerror", (error) => this.problems.push(`error: ${error.message}`));
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted/i.test(message.text())) this.problems.push(`policy: ${message.text()}`);
    });
    page.on("dialog", (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  static async open(
    browser: Browser,
    { width = 1280, height = 800, scheme = "light" }: Looks = {},
  ): Promise<WatchedPage> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      acceptDownloads: true,
    });
    context.setDefaultTimeout(20_000);
    await context.addInitScript(AXE);
    return new WatchedPage(context, await context.newPage());
  }

  /** Changes what the page is looked at with. */
  async look({ width = 1280, height = 800, scheme = "light", motion = "no-preference" }: Looks): Promise<void> {
    await this.page.setViewportSize({ width, height });
    await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: motion });
  }

  /** The violations of rules for accessibility, each with the elements that break it. */
  async violations(): Promise<readonly string[]> {
    return await this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        readonly axe: {
          run(options: object): Promise<{
            readonly violations: readonly {
              readonly id: string;
              readonly nodes: readonly { readonly html: string }[];
            }[];
          }>;
        };
      };
      const { violations } = await axe.run({ resultTypes: ["violations"], preload: false });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
    });
  }

  /** The width that the page needs, in pixels; that of the window if it needs less. */
  async width(): Promise<number> {
    return await this.page.evaluate("document.documentElement.scrollWidth");
  }

  /** Throws if something happened on the page that must not. */
  check(): void {
    assert.equal(this.problems, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}

/** The path of the browser; `undefined` if the system has none. */
export function findBrowser(): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "chromium"))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
