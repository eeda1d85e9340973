import { SealwireClient } from "sealwire/client";
import { addKey, credentialsOf, memoryKeyRing, newKeyRing } from "sealwire/keys";
import { checkJsonArguments, findMethod, toolJsonSchema } from "sealwire/schema";
import { createServer, demoTools, openSqliteStore } from "sealwire/server";
import { builtinImage, createRequestAuthenticator, signRequest } from "sealwire/signing";
import { startTestServer } from "sealwire/testing";

/* Every entry point in one program. */

const { document, keyId } = addKey(newKeyRing("here"), { clientId: "alice", tools: ["*"] });
await using keyRing = memoryKeyRing(document);
await using store = await openSqliteStore({ path: ":memory:" });
await using server = await createServer({ keyRing, store, tools: [demoTools()] });
const { address } = await server.listen("127.0.0.1:0");
const key = keyRing.current().find(keyId);
if (key === undefined) throw new Error("there is no key");
await using client = new SealwireClient({ credentials: credentialsOf(key, { serverId: "here", address }) });
console.log(JSON.stringify(await (await client.call("batch_sum", { numbers: [1, 2, 3.5] })).output?.json()));

const { frame } = signRequest({
  method: "/sealwire.v1.ToolService/Call",
  clientId: "alice",
  keyId,
  requestKey: key.requestKey,
  serverId: "here",
  requestId: "one",
  tool: "server_identity",
  args: { typeUrl: "type.googleapis.com/sealwire.system.v1.ServerIdentityRequest", value: new Uint8Array() },
  tsMs: Date.now(),
  nonce: crypto.getRandomValues(new Uint8Array(16)),
});
const authenticator = createRequestAuthenticator({ ring: () => keyRing.current(), image: builtinImage() });
console.log(authenticator.authenticate("/sealwire.v1.ToolService/Call", frame).key.clientId);

const method = findMethod(builtinImage(), "sealwire.demo.v1.DemoToolService.BatchSum");
if (method === undefined) throw new Error("there is no method");
console.log(toolJsonSchema(builtinImage(), method).input.type);
console.log(checkJsonArguments(builtinImage(), method, { numbers: [1, "x"] })[0]?.field);

await using testServer = await startTestServer({ tools: [demoTools()] });
console.log(JSON.stringify(await (await testServer.client().call("batch_sum", { numbers: [1] })).output?.json()));
