import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const CACHE = join(import.meta.dirname, "../../node_modules/.cache");
/** Where strip-types.ts puts sources without their types, and the module that finds them there. */
export const STRIPPED = join(CACHE, "stripped");
export const LOADER = "load-stripped.mjs";

const isCovered = process.env.NODE_V8_COVERAGE !== undefined;
const preload = `--import=${pathToFileURL(join(STRIPPED, LOADER)).href}`;
const isPrepared = process.env.NODE_OPTIONS?.includes(preload) ?? false;

/**
 * Environment of processes that tests start, so that they start sooner: most of what a short one does is to strip types and
 * to compile. Compiled code is kept from one process to the next. Coverage is less exact of such code; there only what is
 * left of sources without their types is kept, once {@link prepareStart} was called.
 */
export const QUICK_START: Readonly<Record<string, string>> = isCovered
  ? isPrepared
    ? { NODE_OPTIONS: process.env.NODE_OPTIONS ?? "" }
    : {}
  : { NODE_COMPILE_CACHE: join(CACHE, "compiled") };

/** What a runner of tests does once, before the first: gives what to add to the environment of all. */
export function prepareStart(): Readonly<Record<string, string>> {
  if (!isCovered || isPrepared) return QUICK_START;
  const { NODE_V8_COVERAGE: _covered, ...env } = process.env;
  const script = join(import.meta.dirname, "strip-types.ts");
  const { status } = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", script], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return status === 0 ? { NODE_OPTIONS: [process.env.NODE_OPTIONS, preload].filter(Boolean).join(" ") } : {};
}
