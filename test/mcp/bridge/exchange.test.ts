import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serveExchange } from "../../../src/mcp/bridge/http/exchange.ts";
import { assert, suite } from "../../support/suite.ts";

/* One request and its answer, between node:http and a handler of web requests. */
const test = suite("mcp/bridge/exchange");

type Handle = (request: Request, parsedBody: unknown) => Promise<Response>;

interface Endpoint extends AsyncDisposable {
  readonly url: string;
  /** How the exchanges ended. */
  readonly ended: Promise<void>[];
}

async function serve(handle: Handle): Promise<Endpoint> {
  const handler = {
    fetch: (request: Request, options?: { readonly parsedBody?: unknown }) => handle(request, options?.parsedBody),
  };
  const ended: Promise<void>[] = [];
  const server = createServer((request, response) => {
    const exchange = serveExchange(request, response, { handler, maxBodyBytes: 1_000 });
    exchange.catch(() => {});
    ended.push(exchange);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    ended,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const POST = { method: "POST", headers: { "content-type": "application/json", "mcp-name": "a" } };

test("the handler gets the parsed body and the headers, without the token", async () => {
  await using endpoint = await serve(async ({ headers, method, url }, parsedBody) =>
    Response.json({ parsedBody, method, path: new URL(url).pathname, names: [...headers.keys()] }),
  );
  const headers = { ...POST.headers, authorization: "Bearer secret", cookie: "a=secret" };
  const answer = await fetch(endpoint.url, { ...POST, headers, body: '{"süß":"🦭"}' });
  const seen = (await answer.json()) as { readonly names: readonly string[] };
  assert.match(JSON.stringify(seen), '"parsedBody":{"süß":"🦭"},"method":"POST","path":"/mcp"');
  assert.ok(seen.names.includes("mcp-name") && seen.names.includes("content-type"));
  assert.not.ok(seen.names.includes("authorization") || seen.names.includes("cookie"));
});

test("a body that is no JSON reaches the handler as it is", async () => {
  await using endpoint = await serve(async (request, parsedBody) =>
    Response.json({ parsedBody: String(parsedBody), text: await request.text() }),
  );
  const answer = await fetch(endpoint.url, { ...POST, body: '{"a":' });
  assert.equal(await answer.json(), { parsedBody: "undefined", text: '{"a":' });
});

test("status and headers of the answer arrive, with the length of the body", async () => {
  await using endpoint = await serve(async () => new Response("süß", { status: 404, headers: { "x-a": "b" } }));
  const answer = await fetch(endpoint.url, { ...POST, body: "{}" });
  assert.equal([answer.status, answer.headers.get("x-a"), answer.headers.get("content-length")], [404, "b", "5"]);
  await using empty = await serve(async () => new Response(null, { status: 202 }));
  const accepted = await fetch(empty.url, { ...POST, body: "{}" });
  assert.equal([accepted.status, await accepted.text()], [202, ""]);
});

test("a body above the limit is refused, with or without a stated length, and the handler is not called", async () => {
  let calls = 0;
  await using endpoint = await serve(async () => {
    calls += 1;
    return new Response();
  });
  const most = await fetch(endpoint.url, { ...POST, body: `"${"a".repeat(998)}"` });
  assert.equal([most.status, calls], [200, 1]);
  const stated = await fetch(endpoint.url, { ...POST, body: `"${"a".repeat(999)}"` });
  const chunked = new ReadableStream({
    start(controller) {
      for (let index = 0; index < 3; index += 1) controller.enqueue(new Uint8Array(500));
      controller.close();
    },
  });
  const unstated = await fetch(endpoint.url, { ...POST, body: chunked, duplex: "half" } as RequestInit);
  assert.equal([stated.status, unstated.status, calls], [413, 413, 1]);
});

test("an event of a stream arrives before the stream ends", async () => {
  const { promise: first, resolve: readFirst } = Promise.withResolvers<void>();
  const encoder = new TextEncoder();
  await using endpoint = await serve(async () => {
    const stream = new ReadableStream({
      async start(controller) {
        controller.enqueue(encoder.encode("data: 1\n\n"));
        await first;
        controller.enqueue(encoder.encode("data: 2\n\n"));
        controller.close();
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  });
  const answer = await fetch(endpoint.url, { ...POST, body: "{}" });
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("1")) readFirst();
  }
  assert.is(text, "data: 1\n\ndata: 2\n\n");
});

test("a client that goes aborts the handler's request and the stream of its answer", async () => {
  const { promise: called, resolve: onCall } = Promise.withResolvers<AbortSignal>();
  const { promise: cancelled, resolve: onCancel } = Promise.withResolvers<void>();
  await using endpoint = await serve(async ({ signal }) => {
    onCall(signal);
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: () => onCancel(),
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  });
  const going = new AbortController();
  const answer = await fetch(endpoint.url, { ...POST, body: "{}", signal: going.signal });
  await answer.body?.getReader().read();
  going.abort();
  const signal = await called;
  if (!signal.aborted) await once(signal, "abort");
  await cancelled;
  await Promise.all(endpoint.ended);
});

test("the request of a client that stays is not aborted", async () => {
  let signal: AbortSignal | undefined;
  await using endpoint = await serve(async (request) => {
    signal = request.signal;
    return Response.json({});
  });
  const answer = await fetch(endpoint.url, { ...POST, body: "{}" });
  await answer.json();
  await Promise.all(endpoint.ended);
  assert.is(signal?.aborted, false);
});

test.run();
