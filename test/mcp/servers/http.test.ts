import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { eventually } from "../../support/eventually.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { fixtureServer } from "./fixture-tools.ts";
import { startFixture } from "./running-fixture.ts";

/* Tools of MCP servers over HTTP. */
const test = suite("mcp/servers/http");

/** More than the largest message. */
const ENDLESS_MIB = 64;
const TOKEN = "token-of-the-http-server";
let folder: string;

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-mcp-http-"));
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

interface HttpServer extends AsyncDisposable {
  readonly url: string;
  readonly server: Server;
  /** What the requests carried. */
  readonly tokens: Set<string | undefined>;
}

async function startHttp(
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
  port = 0,
): Promise<HttpServer> {
  const handle = toNodeHandler(createMcpHandler(() => fixtureServer(folder)));
  const tokens = new Set<string | undefined>();
  const server = createServer((request, response) => {
    tokens.add(request.headers.authorization);
    if (!intercept(request, response)) void handle(request as Parameters<typeof handle>[0], response);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    server,
    tokens,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("tools over HTTP are called with the token, which appears in no log", async () => {
  await using http = await startHttp();
  await using fixture = await startFixture({ others: [{ name: "web", url: http.url, token: TOKEN }] });
  const { output } = await fixture.server.client().call("web_greet", { arguments: { name: "Ann" } });
  assert.match(JSON.stringify(await output?.json()), "Hello, Ann!");
  assert.equal([...http.tokens], [`Bearer ${TOKEN}`]);
  assert.not.match(fixture.log(), TOKEN);
});

test("a call to a server that is gone has no effect, and works again when it is back", async () => {
  const http = await startHttp();
  const port = Number(new URL(http.url).port);
  await using fixture = await startFixture({ others: [{ name: "web", url: http.url }] });
  const client = fixture.server.client();
  await http[Symbol.asyncDispose]();
  const call = (timeoutMs: number) =>
    client.call("web_greet", { arguments: { name: "Ann" } }, { requestId: "again", timeoutMs });
  await rejection("UNAVAILABLE", call(800));
  await eventually("NOT_SERVING", async () => (await client.health("mcp.web.v1.ToolService")) === "NOT_SERVING");
  await using _back = await startHttp(undefined, port);
  await call(20_000);
});

test("a call whose connection is lost has an unknown outcome", async () => {
  await using http = await startHttp();
  await using fixture = await startFixture({ others: [{ name: "web", url: http.url }] });
  const client = fixture.server.client();
  const call = client.call("web_hang", { arguments: {} }, { timeoutMs: 15_000 });
  const failed = rejection("OUTCOME_UNKNOWN", call);
  await eventually("the call at the server", () => readFileSync(join(folder, "calls.log"), "utf8").includes("hang {}"));
  const beganMs = performance.now();
  http.server.closeAllConnections();
  await failed;
  assert.ok(performance.now() - beganMs < 10_000, "found out before the time limit");
});

test("a request that the server refuses had no effect", async () => {
  let refuse = false;
  await using http = await startHttp((_request, response) => {
    if (refuse) response.writeHead(401).end();
    return refuse;
  });
  await using fixture = await startFixture({ others: [{ name: "web", url: http.url, token: TOKEN }] });
  const client = fixture.server.client();
  refuse = true;
  const call = () => client.call("web_greet", { arguments: { name: "Ann" } }, { requestId: "refused", timeoutMs: 700 });
  const error = await rejection("UNAVAILABLE", call());
  assert.match(error.message, "refused the request");
  refuse = false;
  await call();
});

for (const contentType of ["application/json", "text/event-stream"]) {
  test(`an endless answer as ${contentType} is cut off`, async () => {
    const cut = Promise.withResolvers<number>();
    const chunk = Buffer.alloc(1024 * 1024, "a");
    await using http = await startHttp((request, response) => {
      if (request.headers["mcp-method"] !== "tools/call") return false;
      let sent = 0;
      const go = (): void => {
        for (let isTaken = true; isTaken && sent < ENDLESS_MIB; sent += 1) isTaken = response.write(chunk);
      };
      response.writeHead(200, { "content-type": contentType }).write("data: ");
      response.on("drain", go).once("close", () => cut.resolve(sent));
      go();
      return true;
    });
    await using fixture = await startFixture({ others: [{ name: "web", url: http.url }] });
    const client = fixture.server.client();
    const call = rejection("OUTCOME_UNKNOWN", client.call("web_hang", { arguments: {} }, { timeoutMs: 15_000 }));
    assert.ok((await cut.promise) < ENDLESS_MIB, "the server could not send everything");
    await call;
  });
}

test("a call whose stream ends without an answer has an unknown outcome at once", async () => {
  for (const end of ["end", "destroy"] as const) {
    await using http = await startHttp((request, response) => {
      if (request.headers["mcp-method"] !== "tools/call") return false;
      response.writeHead(200, { "content-type": "text/event-stream" }).write(": open\n\n");
      setTimeout(() => response[end](), 50);
      return true;
    });
    await using fixture = await startFixture({ others: [{ name: "web", url: http.url }] });
    const beganMs = performance.now();
    const call = fixture.server.client().call("web_hang", { arguments: {} }, { timeoutMs: 15_000 });
    await rejection("OUTCOME_UNKNOWN", call);
    assert.ok(performance.now() - beganMs < 5_000, "found out before the time limit");
  }
});

test("a cancelled call leaves no open request at a server of an earlier version", async () => {
  let open = 0;
  await using http = await startHttp((request, response) => {
    const method = request.headers["mcp-method"];
    // Earlier versions have no discovery.
    if (method === "server/discover") response.writeHead(404).end();
    else if (request.method === "POST") {
      open += 1;
      response.once("close", () => {
        open -= 1;
      });
    }
    return method === "server/discover";
  });
  await using fixture = await startFixture({ others: [{ name: "web", url: http.url }] });
  const call = fixture.server.client().call("web_hang", { arguments: {} }, { timeoutMs: 1_000 });
  await eventually("the call at the server", () => open === 1);
  await rejection("DEADLINE_EXCEEDED", call);
  await eventually("the end of its request", () => open === 0);
});

test.run();
