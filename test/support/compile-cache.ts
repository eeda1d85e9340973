import { join } from "node:path";

/**
 * Where processes that tests start find compiled code again: most of what a short one does is to strip types and to
 * compile. Empty for coverage, which Node takes less exactly of code from there.
 */
export const COMPILE_CACHE: Readonly<Record<string, string>> =
  process.env.NODE_V8_COVERAGE === undefined
    ? { NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/compiled") }
    : {};
