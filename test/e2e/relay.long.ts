// test-limit-ms: 1800000
import { randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { readCredentials, SealwireClient } from "../../src/index.ts";
import { CliServer } from "../cli/cli-process.ts";
import { assert, suite } from "../support/suite.ts";
import { bufCurl } from "./buf-curl.ts";
import { payloads, readPayload, sorted, type Tree, toJsonText } from "./payload.ts";

const test = suite("e2e/relay");

/** How many payloads; 1,000 were relayed once, by hand. */
const count = Number(process.env.RELAY_PAYLOADS ?? "100");
const AT_ONCE = 2;

interface Relayed {
  readonly payload: Tree;
  readonly jobId: string;
}

test(`${count} random payloads, signed in one process and relayed by buf curl, verify and come back unchanged`, async () => {
  const seed = randomInt(2 ** 31);
  console.log(`seed ${seed}`);
  const folder = await mkdtemp(join(tmpdir(), "sealwire-relay-"));
  try {
    await using server = await CliServer.start(folder, "--dev");
    const address = server.ready.listening;
    const relayed: Relayed[] = [];
    const samples = fc.sample(payloads, { numRuns: count, seed }).entries();
    const relayNext = async (): Promise<void> => {
      for (const [index, payload] of samples) {
        const file = join(folder, `${index}.json`);
        await writeFile(file, `{"seconds":1,"payload":${toJsonText(payload)}}`);
        const signed = await server.run("sign", "start_long_task", `@${file}`);
        assert.is(signed.code, 0, `payload ${index}: ${signed.stderr}`);
        const { code, stdout, stderr } = await bufCurl(address, "sealwire.v1.ToolService/Call", signed.stdout);
        assert.is(code, 0, `payload ${index} (${toJsonText(payload)}): ${stderr}`);
        relayed.push({ payload, jobId: JSON.parse(stdout).response.job.jobId });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, relayNext));
    assert.is(relayed.length, count);

    const credentials = await readCredentials(join(folder, ".sealwire", "client.json"));
    await using client = new SealwireClient({ credentials, address });
    for (const { payload, jobId } of relayed) {
      const { value } = await client.job(jobId).result();
      const returned = sorted(readPayload(value));
      assert.ok(isDeepStrictEqual(returned, sorted(payload)), `${toJsonText(payload)} became ${toJsonText(returned)}`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
