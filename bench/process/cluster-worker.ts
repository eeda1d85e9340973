import { openSqliteStore } from "../../src/jobs/sqlite/open.ts";
import { createServer } from "../../src/server/server.ts";
import { parseKeyRing } from "../../src/signing/key-ring/document.ts";
import { buildKeyRing, fixedKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";

/* One process of several that share a port: node:cluster hands out the connections. */

process.once("message", async (keyRing: string) => {
  const ring = buildKeyRing(parseKeyRing(Buffer.from(keyRing)));
  const store = await openSqliteStore({ path: ":memory:" });
  const server = await createServer({ keyRing: fixedKeyRing(ring), store, tools: [demoTools()] });
  const { address } = await server.listen("127.0.0.1:0");
  process.send?.(address);
});
