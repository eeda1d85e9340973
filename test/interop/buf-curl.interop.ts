import { join } from "node:path";
import { sealwire } from "../cli/cli-process.ts";
import { bufCurl } from "../e2e/buf-curl.ts";
import { assert, suite } from "../support/suite.ts";
import { InteropServer } from "./interop-server.ts";

const test = suite("interop/buf-curl");

const CALL = "sealwire.v1.ToolService/Call";
const DESCRIPTORS = join(import.meta.dirname, "..", "..", "gen", "descriptors.binpb");

let server: InteropServer;
let credentials: string;

test.before(async () => {
  server = await InteropServer.start();
  credentials = await server.addClient("buf");
});
test.after(() => server?.[Symbol.asyncDispose]());

async function signed(tool: string, json: string): Promise<string> {
  const { code, stdout, stderr } = await sealwire(["sign", tool, json, "--credentials", credentials], {
    cwd: server.folder,
  });
  assert.is(code, 0, stderr);
  return stdout;
}

test("a tool that the server alone knows comes back equal through reflection", async () => {
  const args = {
    payload: { "süß 🦭": [null, -1.5], a: {} },
    text: "\u0000e\u0301",
    number: "9223372036854775807",
    names: { "-1": "b", "10": "a" },
  };
  const { code, stdout, stderr } = await bufCurl(server.address, CALL, await signed("echo", JSON.stringify(args)));
  assert.is(code, 0, stderr);
  assert.equal(JSON.parse(stdout).response.result, { "@type": "type.googleapis.com/interop.v1.EchoResponse", ...args });
});

test("the published descriptor set does in place of reflection", async () => {
  const frame = await signed("batch_sum", '{"numbers": [1, 2, 3.5]}');
  const { code, stdout, stderr } = await bufCurl(server.address, CALL, frame, "--schema", DESCRIPTORS);
  assert.is(code, 0, stderr);
  assert.is(JSON.parse(stdout).response.result.total, 6.5);
});

test.run();
