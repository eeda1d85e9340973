import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const CACHE = join(import.meta.dirname, "../../node_modules/.cache");
/** The folder into which strip-types.ts writes sources without types and the module that loads them. */
export const STRIPPED = join(CACHE, "stripped");
export const LOADER = "load-stripped.mjs";

const isCovered = process.env.NODE_V8_COVERAGE !== undefined;
const preload = `--import=${pathToFileURL(join(STRIPPED, LOADER)).href}`;
const isPrepared = process.env.NODE_OPTIONS?.includes(preload) ?? false;

/**
 * Environment variables that speed up the processes of tests. A short process spends most of its time on stripping
 * types and compiling, so compiled code is cached. Coverage of cached code is inexact. A coverage run therefore caches
 * only the sources without types, after a call of {@link prepareStart}.
 */
export const QUICK_START: Readonly<Record<string, string>> = isCovered
  ? isPrepared
    ? { NODE_OPTIONS: process.env.NODE_OPTIONS ?? "" }
    : {}
  : { NODE_COMPILE_CACHE: join(CACHE, "compiled") };

/** Prepares the cache. A test runner calls it once, before the first test, and adds the result to their environment. */
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
