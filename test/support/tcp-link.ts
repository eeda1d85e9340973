import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A port of loopback that leads to another one until it is cut: what a network does to a process. */
export class TcpLink implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Where new connections lead to. */
  target: number;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
  }

  static async to(port: number): Promise<TcpLink> {
    const server = createServer();
    const link = new TcpLink(server, port);
    server.on("connection", (near) => link.#join(near, connect(link.target, "127.0.0.1")));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks the connections there are; new ones may follow. */
  breakConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Breaks the connections and lets none through any more. */
  cut(): void {
    this.#server.close();
    this.breakConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
  }

  #join(near: Socket, far: Socket): void {
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on("error", () => {});
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
