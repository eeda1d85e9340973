import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * A proxy in front of a server that is restarted. It always accepts connections and forwards them when the server is
 * available, so that clients need no reconnect delay.
 */
export class Gateway implements Disposable {
  readonly #server: Server;
  readonly #waiting = new Set<Socket>();
  readonly #sockets = new Set<Socket>();
  #port: number | undefined;

  static async open(): Promise<Gateway> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Gateway(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (near) => {
      this.#hold(near);
      if (this.#port === undefined) this.#waiting.add(near);
      else this.#join(near, connect(this.#port, "127.0.0.1"));
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sets the port of the server; `undefined` while there is none. */
  lead(port: number | undefined): void {
    this.#port = port;
    if (port === undefined) return;
    for (const near of this.#waiting) this.#join(near, connect(port, "127.0.0.1"));
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#waiting.delete(socket);
    });
  }

  #join(near: Socket, far: Socket): void {
    this.#hold(far);
    near.pipe(far);
    far.pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  }
}
