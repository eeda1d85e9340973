import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, suite } from "../support/suite.ts";
import { sumResult } from "./peers/numbers.ts";
import { makeCredentials, ok, startPeer } from "./peers/signed-peer.ts";

const test = suite("client/process-end");

/** Runs a module of its own in another process; gives what it printed and how it ended. */
function run(source: string): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-process-"));
  const file = join(folder, "main.ts");
  const module = (path: string): string => JSON.stringify(pathToFileURL(join(import.meta.dirname, path)).href);
  writeFileSync(
    file,
    `import { SealwireClient } from ${module("../../src/client/client.ts")};
     import { makeCredentials } from ${module("./peers/signed-peer.ts")};
     import { sumArgs } from ${module("./peers/numbers.ts")};
     const client = new SealwireClient({ credentials: makeCredentials("127.0.0.1:1"), retry: { initialDelayMs: 150, unreachableForMs: 0 } });
     ${source}`,
  );
  return new Promise((resolve) => {
    execFile(process.execPath, [file], (error, stdout, stderr) => {
      rmSync(folder, { recursive: true });
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

test("a process that only waits for a retry does not end before the call does", async () => {
  const { code, stdout, stderr } = await run(`
    const error = await client.call("batch_sum", sumArgs).catch((thrown) => thrown);
    console.log(error.reason);`);
  assert.is(stdout.trim(), "UNREACHABLE", stderr);
  assert.is(code, 0);
});

test("a client that is done keeps no process alive, closed or not", async () => {
  const { code, stdout } = await run(`
    await client.job("j").result().catch(() => {});
    console.log("done");`);
  assert.is(stdout.trim(), "done");
  assert.is(code, 0);
});

test("neither does one of several servers, whatever their health", async () => {
  const { code, stdout } = await run(`
    const several = new SealwireClient({ credentials: makeCredentials("127.0.0.1:1,127.0.0.1:2"), healthIntervalMs: 60_000, retry: { unreachableForMs: 0 } });
    console.log((await several.call("batch_sum", sumArgs).catch((thrown) => thrown)).reason);`);
  assert.is(stdout.trim(), "UNREACHABLE");
  assert.is(code, 0);
});

for (const pipeline of [true, "auto"] as const) {
  test(`a stream that is idle keeps no process alive, closed or not (pipeline: ${pipeline})`, async () => {
    const credentials = makeCredentials("");
    await using peer = await startPeer(
      {
        route: "direct",
        call: (received) => ok(credentials, received, sumResult),
        streamed: (received, reply) => reply.send(ok(credentials, received, sumResult)),
      },
      { credentials },
    );
    const keys = JSON.stringify(
      [credentials.requestKey, credentials.responseKey].map((key) => key.export().toString("hex")),
    );
    const { code, stdout, stderr } = await run(`
    import { createSecretKey } from "node:crypto";
    const [requestKey, responseKey] = ${keys}.map((key) => createSecretKey(Buffer.from(key, "hex")));
    const credentials = { ...makeCredentials(${JSON.stringify(peer.address)}), requestKey, responseKey };
    // Its timers never fire: only a stream that holds the process would show.
    const clock = { nowMs: Date.now, monotonicMs: () => performance.now(), after: () => ({ [Symbol.dispose]() {} }) };
    const piped = new SealwireClient({ credentials, clock, pipeline: ${JSON.stringify(pipeline)} });
    for (let i = 0; i < 50; i += 1) await piped.call("batch_sum", sumArgs);
    console.log((await piped.call("batch_sum", sumArgs)).status);`);
    assert.is(stdout.trim(), "OK", stderr);
    assert.is(code, 0);
    assert.ok(peer.streamed.length > 0);
  });
}

test.run();
