import { join } from "node:path";
import type { WatchedPage } from "./browser.ts";

const DOCS = join(import.meta.dirname, "../../../docs");

/** The pictures that are to be written, by name: SEALWIRE_SCREENSHOTS=overview,jobs. Default none. */
const WANTED: readonly string[] = (process.env.SEALWIRE_SCREENSHOTS ?? "").split(",");

/** True if the picture is to be written. */
export function isWanted(name: string): boolean {
  return WANTED.includes(name);
}

/** A picture for the docs. */
export interface Picture {
  readonly name: string;
  /** Pixels. A picture has at most 150 kB. */
  readonly height: number;
  readonly schemes: readonly ("light" | "dark")[];
  /** The heading at its upper end; default: the page from its top. */
  readonly from?: string;
}

/** Writes a picture of a page for the docs, if it is wanted. */
export async function screenshot(watched: WatchedPage, { name, height, schemes, from }: Picture): Promise<void> {
  if (!isWanted(name)) return;
  for (const scheme of schemes) {
    await watched.look({ width: 1180, height, scheme });
    const script = `[...document.querySelectorAll("h2")].find((each) => each.textContent === "${from}")?.scrollIntoView()`;
    await watched.page.evaluate(`void ${script}`);
    await watched.page.screenshot({ path: join(DOCS, `console-${name}-${scheme}.png`), animations: "disabled" });
  }
}
