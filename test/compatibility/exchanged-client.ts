import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

/*
 * Preloaded (`node --import`) into a file of tests: what the tests import from `src/client` under TESTS_ROOT comes from
 * CLIENT_ROOT, of another version. CLIENT_ENDING is the ending of its files: `.js` where it is built. Everything else, the
 * server above all, stays that of the tests.
 */
const { TESTS_ROOT = "", CLIENT_ROOT = "", CLIENT_ENDING = ".ts" } = process.env;
const tests = pathToFileURL(`${TESTS_ROOT}/test/`).href;
const sources = pathToFileURL(`${TESTS_ROOT}/src/`).href;
const client = pathToFileURL(`${CLIENT_ROOT}/src/`).href;

/** The class that tests expect of what the client throws. */
const THROWN = "client/peers/thrown.ts";

let exchanged = 0;
process.once("exit", () => console.log(`${exchanged} imports of the client are exchanged`));

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const { parentURL = "" } = context;
    if (!parentURL.startsWith(tests) || !found.url.startsWith(sources)) return found;
    const file = found.url.slice(sources.length);
    const isClient = file.startsWith("client/") || (file === "errors.ts" && parentURL === tests + THROWN);
    if (!isClient) return found;
    exchanged += 1;
    return next(client + file.replace(/\.ts$/, CLIENT_ENDING), context);
  },
});
