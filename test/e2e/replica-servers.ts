import type { CallObserver } from "../../src/server/request/access-log.ts";
import { createServer, type SealwireServer } from "../../src/server/server.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { type LedgerHandlers, ledgerDescriptors, ledgerTools } from "./ledger-tools.ts";

/** One of several servers over one store, behind a link that keeps its address when the server is replaced. */
export interface ReplicaServer {
  readonly link: TcpLink;
  server: SealwireServer;
  /** Signed calls that ended here, by gRPC status. */
  readonly ended: Map<number, number>;
  /** Starts another server in the place of this one, which should be drained or cut off. */
  replace(): Promise<void>;
}

/** Servers over one store with one key ring. */
export interface ReplicaServers extends AsyncDisposable {
  readonly first: TestServer;
  readonly replicas: readonly ReplicaServer[];
  /** The addresses of the links, as a client takes them. */
  readonly addresses: readonly string[];
}

/** Starts three servers that share calls of the ledger's tools. */
export async function startReplicas(handlers: LedgerHandlers = {}): Promise<ReplicaServers> {
  // The first holds key ring and store, and takes no calls.
  const first = await startServer({ work: false });
  const replicas = await Promise.all([0, 1, 2].map(() => startReplica(first, handlers)));
  return {
    first,
    replicas,
    addresses: replicas.map(({ link }) => `127.0.0.1:${link.port}`),
    async [Symbol.asyncDispose]() {
      for (const { link, server } of replicas) {
        await link[Symbol.asyncDispose]();
        await server.drain(0);
      }
      await first[Symbol.asyncDispose]();
    },
  };
}

async function startReplica({ keyRing, store }: TestServer, handlers: LedgerHandlers): Promise<ReplicaServer> {
  const ended = new Map<number, number>();
  const observer: CallObserver = {
    callStarted: () => {},
    callEnded: ({ method }, code) => {
      if (method.startsWith("/sealwire.")) ended.set(code, (ended.get(code) ?? 0) + 1);
    },
  };
  const start = async () => {
    const server = await createServer({
      keyRing,
      store,
      tools: [ledgerTools(handlers)],
      descriptors: [ledgerDescriptors],
      observers: [observer],
    });
    const { address } = await server.listen("127.0.0.1:0");
    return { server, port: Number(address.split(":")[1]) };
  };
  const { server, port } = await start();
  const replica: ReplicaServer = {
    link: await TcpLink.to(port),
    server,
    ended,
    async replace() {
      const next = await start();
      replica.server = next.server;
      replica.link.target = next.port;
    },
  };
  return replica;
}
