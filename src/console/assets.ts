import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as nodeModule from "node:module";

/** The modules of the pages, by their paths in `browser/` without ending. The console serves no other file. */
export const BROWSER_MODULES = [
  "main",
  "app",
  "arguments",
  "bulk-cancel",
  "charts",
  "clock",
  "commands",
  "confirmation",
  "elements",
  "filters",
  "focus",
  "format",
  "live",
  "location",
  "page",
  "pages",
  "pages/about",
  "pages/audit",
  "pages/job",
  "pages/jobs",
  "pages/keys",
  "pages/overview",
  "pages/sign-in",
  "pages/tool",
  "pages/tools",
  "schema-form",
  "server",
  "session",
] as const;

/** The modules of lit-html that they import, by their paths in its package without ending. */
export const LIT_MODULES = ["lit-html", "directive", "directive-helpers", "directives/repeat"] as const;

/** A file as it is served. */
export interface Asset {
  readonly body: Buffer;
  readonly contentType: string;
  /** Changes with the content. */
  readonly etag: string;
}

const BROWSER = new URL("./browser/", import.meta.url);
const SCRIPT = "text/javascript; charset=utf-8";
/** Sources are served with their types stripped, so that the console runs without a build, too. */
const ENDING = import.meta.filename.endsWith(".ts") ? "ts" : "js";

/** Reads every file of the console. Its document is at "/"; the others are below "/assets/". */
export async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  const modules = BROWSER_MODULES.map(async (name): Promise<[string, Asset]> => {
    const text = await readFile(new URL(`${name}.${ENDING}`, BROWSER), "utf8");
    return [`/assets/${name}.${ENDING}`, asset(ENDING === "ts" ? stripTypes(text) : text, SCRIPT)];
  });
  const lit = LIT_MODULES.map(async (name): Promise<[string, Asset]> => {
    const bytes = await readFile(new URL(`../${name}.js`, import.meta.resolve("lit-html")));
    return [`/assets/${name}.js`, asset(bytes, SCRIPT)];
  });
  return new Map<string, Asset>([
    ["/", asset(document(), "text/html; charset=utf-8")],
    ["/assets/console.css", asset(await readFile(new URL("console.css", BROWSER)), "text/css; charset=utf-8")],
    ["/assets/icon.svg", asset(await readFile(new URL("icon.svg", BROWSER)), "image/svg+xml")],
    ...(await Promise.all([...lit, ...modules])),
  ]);
}

function asset(content: string | Buffer, contentType: string): Asset {
  const body = Buffer.from(content as string);
  return { body, contentType, etag: `"${createHash("sha256").update(body).digest("base64url")}"` };
}

function document(): string {
  const scripts = [...LIT_MODULES.map((name) => `${name}.js`), ...BROWSER_MODULES.map((name) => `${name}.${ENDING}`)];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sealwire console</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/console.css">
${scripts.map((name) => `<link rel="modulepreload" href="/assets/${name}">`).join("\n")}
<script type="module" src="/assets/main.${ENDING}"></script>
</head>
<body><noscript>The console needs JavaScript.</noscript></body>
</html>
`;
}

function stripTypes(text: string): string {
  return nodeModule.stripTypeScriptTypes(text);
}
