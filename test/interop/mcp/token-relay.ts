import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";

/** A relay on loopback. */
export interface TokenRelay extends AsyncDisposable {
  /** The address of the endpoint behind it, by which its callers need no token. */
  readonly url: string;
}

/**
 * Starts a relay that adds a token to each request and changes nothing else: the conformance suite cannot send one. A Host
 * or Origin that names the relay becomes that of the bridge; others, which the suite sends to be refused, stay.
 */
export async function startTokenRelay(target: string, token: string): Promise<TokenRelay> {
  const { hostname, port, host, pathname } = new URL(target);
  const relay = createServer((incoming, response) => {
    const own = `127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const headers = incoming.rawHeaders.map((text, index) => (index % 2 === 1 ? text.replace(own, host) : text));
    const outgoing = httpRequest({
      hostname,
      port,
      path: incoming.url,
      method: incoming.method,
      headers: [...headers, "authorization", `Bearer ${token}`],
    });
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      // The head of a stream must arrive before its first event.
      response.flushHeaders();
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  return {
    url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}${pathname}`,
    async [Symbol.asyncDispose]() {
      relay.closeAllConnections();
      relay.close();
      await once(relay, "close");
    },
  };
}
