import { readFile } from "node:fs/promises";
import {
  createServer,
  demoTools,
  openSqliteStore,
  type Reason,
  readCredentials,
  SealwireClient,
  type SealwireError,
  watchKeyRing,
} from "sealwire";

/* What somebody who installs the package may write: a server and a client of it in one program. */

const descriptors = await readFile(new URL(import.meta.resolve("sealwire/descriptors.binpb")));
await using keyRing = await watchKeyRing({ path: "key-ring.json" });
await using store = await openSqliteStore({ path: ":memory:" });
await using server = await createServer({ keyRing, store, tools: [demoTools()], descriptors: [descriptors] });
const { address } = await server.listen("127.0.0.1:0");

const credentials = { ...(await readCredentials("client.json")), address };
await using client = new SealwireClient({ credentials });
const { output } = await client.call("batch_sum", { numbers: [1, 2, 3.5] });
console.log(JSON.stringify(await output?.json()));

const reason: Reason = await client.call("batch_sum", { numbers: [] }).then(
  () => "INTERNAL",
  (error: SealwireError) => error.reason,
);
console.log(reason);
