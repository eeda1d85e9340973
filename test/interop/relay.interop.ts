// test-limit-ms: 900000
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../cli/cli-run.ts";
import { bufCurl } from "../e2e/buf-curl.ts";
import { assert } from "../support/suite.ts";
import { goTool } from "./go-tool.ts";
import { InteropServer } from "./interop-server.ts";
import { descriptors } from "./interop-tools.ts";
import { RELAY_CASES } from "./relay-cases.ts";
import { paste } from "./shell.ts";
import { suiteWith } from "./toolchain.ts";

/* What grpcurl and buf curl make of signed arguments is what docs/protocol-server.md lists and `sealwire sign` warns of. */
const test = suiteWith(["go"], "interop/relay");

const CALL = "sealwire.v1.ToolService/Call";

let bin: string;
let server: InteropServer;
let credentials: string;

test.before(async () => {
  bin = await goTool("grpcurl");
  server = await InteropServer.start();
  credentials = await server.addClient("relay");
  await writeFile(join(server.folder, "contract.binpb"), descriptors[0] as Uint8Array);
});
test.after(() => server?.[Symbol.asyncDispose]());

async function signed(args: string, ...options: readonly string[]): Promise<string> {
  const file = join(server.folder, "args.json");
  await writeFile(file, args);
  const contract = ["--credentials", credentials, "--descriptors", join(server.folder, "contract.binpb")];
  const { code, stdout, stderr } = await run(["sign", "keep", `@${file}`, ...contract, ...options]);
  assert.is(code, 0, stderr);
  return stdout;
}

for (const { what, args, named } of RELAY_CASES) {
  const isKept = named.length === 0;
  test(`${what}: ${isKept ? "every relay sends what was signed" : "a relay changes it, or does not take it"}`, async () => {
    const grpcurl = await paste(await signed(args, "--grpcurl"), { cwd: server.folder, path: [bin] });
    const buf = await bufCurl(server.address, CALL, await signed(args));
    const problems = [grpcurl, buf].filter(({ code }) => code !== 0).map(({ stderr }) => stderr);
    assert.is(problems.length === 0, isKept, problems.join("\n"));
    const expected = /could not be authenticated|can't unmarshal Any nested proto/;
    for (const problem of problems) assert.match(problem, expected);
  });
}

test("buf curl shows the details of a refusal as types with their bytes in base64", async () => {
  const { stderr } = await bufCurl(server.address, CALL, await signed('{"doubleValue":"NaN"}'));
  const { details } = JSON.parse(stderr) as { details: { type: string; value: string }[] };
  assert.equal(
    details.map(({ type, value }) => [type, Buffer.from(value, "base64").includes("SIGNATURE_INVALID")]),
    [["google.rpc.ErrorInfo", true]],
  );
});

test.run();
