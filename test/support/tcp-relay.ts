import { connect, createServer, type Server, type Socket } from "node:net";

/** Stands between client and server as a network does: it can be cut, and it can fall silent. */
export class TcpRelay implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;
  #frozen = false;
  /** Where connections go. */
  target: string;

  private constructor(target: string) {
    this.target = target;
    this.#server = this.#listener();
  }

  /** Starts a relay on a free port of the loopback interface. */
  static async start(target: string): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await relay.revive();
    return relay;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Cuts every connection and refuses new ones, as when the process behind it is killed. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  /** Takes connections again. */
  async revive(): Promise<void> {
    this.#server = this.#listener();
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the relay has no port");
    this.#port = address.port;
  }

  /** Lets nothing through any more, and tells nobody. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Lets everything through again. */
  thaw(): void {
    this.#frozen = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.kill();
  }

  #listener(): Server {
    return createServer((near) => {
      const [host, port] = this.target.split(":");
      const far = connect(Number(port), host);
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (bytes) => to.write(bytes));
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#frozen) from.pause();
  }
}
