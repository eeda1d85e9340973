import { connect } from "node:net";
import { json } from "node:stream/consumers";
import type { Serving } from "./page-session.ts";

/*
 * `sealwire` in a PageSession. `serve` and `work` are started by the session itself, as if typed in another terminal: this
 * ends when they are ready. Everything else is the command line as it is.
 */
const args = process.argv.slice(2);
if (args[0] === "serve" || args[0] === "work") {
  const socket = connect(process.env.TERMINALS ?? "");
  socket.end(JSON.stringify({ args, cwd: process.cwd(), env: process.env } as Serving));
  const { line, failed } = (await json(socket)) as { readonly line?: string; readonly failed?: string };
  if (failed !== undefined) throw new Error(failed);
  console.log(line);
} else {
  await import("../../src/cli/main.ts");
}
