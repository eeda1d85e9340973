import { createServer, demoTools, openSqliteStore, readCredentials, SealwireClient, watchKeyRing } from "sealwire";

/* A program that a bundler puts into one file. */

async function main(): Promise<void> {
  await using keyRing = await watchKeyRing({ path: "key-ring.json" });
  await using store = await openSqliteStore({ path: ":memory:" });
  await using server = await createServer({ keyRing, store, tools: [demoTools()] });
  const { address } = await server.listen("127.0.0.1:0");
  await using client = new SealwireClient({ credentials: await readCredentials("client.json"), address });
  const { output } = await client.call("batch_sum", { numbers: [1, 2, 3.5] });
  process.stdout.write(`${JSON.stringify(await output?.json())}\n`);
}

void main();
