import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A loopback port that forwards to another one, to simulate network failures and ended processes. */
export class TcpLink implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #closed: Promise<unknown> = Promise.resolve();
  #isHeld = false;
  /** The target port of new connections. */
  target: number;

  private constructor(target: number) {
    this.target = target;
    this.#server = this.#createServer();
  }

  static async to(port: number): Promise<TcpLink> {
    const link = new TcpLink(port);
    await link.#listen(0);
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks existing connections. New ones are accepted. */
  breakConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Breaks existing connections and refuses new ones. Returns a function that opens the same port again. */
  cut(): () => Promise<void> {
    if (!this.#server.listening) return async () => {};
    const { port } = this;
    this.#closed = new Promise((resolve) => this.#server.close(resolve));
    this.breakConnections();
    return async () => {
      await this.#closed;
      this.#server = this.#createServer();
      await this.#listen(port);
    };
  }

  /** Silently stops forwarding until {@link release}. */
  hold(): void {
    this.#isHeld = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Silently stops forwarding on existing connections. New ones work. */
  strand(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  /** Forwards all data that was held back. */
  release(): void {
    this.#isHeld = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await this.#closed;
  }

  #createServer(): Server {
    return createServer((near) => this.#join(near, connect(this.target, "127.0.0.1")));
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
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
      if (this.#isHeld) one.pause();
    }
  }
}
