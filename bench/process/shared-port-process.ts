import { createServer } from "../../src/server/server.ts";
import { parseKeyRing } from "../../src/signing/key-ring/document.ts";
import { memoryKeyRing } from "../../src/signing/key-ring/memory-key-ring.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";

/*
 * One of several processes that share a port. With node:cluster the primary distributes the connections, otherwise the
 * kernel.
 */

/** The first message to such a process. */
export interface Task {
  readonly keyRing: string;
  readonly listen: string;
  readonly reusePort: boolean;
}

process.once("message", async ({ keyRing, listen, reusePort }: Task) => {
  const store = await openSqliteStore({ path: ":memory:" });
  const server = await createServer({
    keyRing: memoryKeyRing(parseKeyRing(Buffer.from(keyRing))),
    store,
    tools: [demoTools()],
  });
  const { address } = await server.listen(listen, { reusePort });
  process.send?.(address);
});
