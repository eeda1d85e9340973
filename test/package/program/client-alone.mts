import { readCredentials, SealwireClient } from "sealwire/client";

/* A client that a bundler puts into one file: it calls the server whose address is its argument. */

async function main(): Promise<void> {
  const credentials = await readCredentials("client.json");
  await using client = new SealwireClient({ credentials, address: process.argv[2] ?? "" });
  const { output } = await client.call("batch_sum", { numbers: [1, 2, 3.5] });
  process.stdout.write(`${JSON.stringify(await output?.json())}\n`);
}

void main();
