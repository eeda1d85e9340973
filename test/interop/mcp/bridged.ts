import { tokenDigest } from "../../../src/files/token-lines.ts";
import { serveHttp } from "../../../src/mcp/bridge/http/serve-http.ts";
import { startServer, type TestServerOptions } from "../../support/running-server.ts";

const TOKEN = "an-invented-token-for-these-tests-alone";

/** A bridge over HTTP in front of a server of Sealwire. */
export interface Bridged extends AsyncDisposable {
  readonly endpoint: string;
  /** The token that the endpoint wants. */
  readonly token: string;
  /** Number of jobs that the server has. */
  jobs(): Promise<number>;
}

/** Starts a server and a bridge in front of it, in this process; dispose it at the end. */
export async function startBridged(options: TestServerOptions): Promise<Bridged> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startServer(options));
  const credentials = server.credentials();
  const principal = {
    name: "host",
    digest: tokenDigest(TOKEN),
    client: server.client(),
    credentials: { current: () => credentials, renew: async () => false },
  };
  const bridge = parts.use(await serveHttp({ listen: "127.0.0.1:0", principals: [principal] }));
  const kept = parts.move();
  return {
    endpoint: bridge.url,
    token: TOKEN,
    jobs: async () => (await server.client().listJobs()).jobs.length,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
