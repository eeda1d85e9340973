import type { Socket } from "node:net";

/** A connection, and how many requests hold it. */
interface Connection {
  readonly socket: Socket;
  holders: number;
}

/**
 * The open connections of an HTTP server. When there are too many, a new one takes the place of the oldest that is not
 * held, so that peers that only keep connections open shut nobody out.
 */
export class HttpConnections {
  readonly #most: number;
  /** By the peer's address and port, the oldest first. With TLS a request has another socket than its connection. */
  readonly #open = new Map<string, Connection>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Adds an accepted connection. Closes it if all others are held. */
  add(socket: Socket): void {
    if (this.#open.size >= this.#most && !this.#makeRoom()) {
      socket.destroy();
      return;
    }
    const name = nameOf(socket);
    const connection = { socket, holders: 0 };
    this.#open.set(name, connection);
    socket.once("close", () => {
      if (this.#open.get(name) === connection) this.#open.delete(name);
    });
  }

  /** Keeps a connection open until the result is disposed. */
  hold(socket: Socket): Disposable {
    const connection = this.#open.get(nameOf(socket));
    if (connection !== undefined) connection.holders += 1;
    return {
      [Symbol.dispose]() {
        if (connection !== undefined) connection.holders -= 1;
      },
    };
  }

  /** Closes all, those in a TLS handshake included, which Node.js does not know as connections of an HTTP server. */
  closeAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #makeRoom(): boolean {
    for (const [name, { socket, holders }] of this.#open) {
      if (holders > 0) continue;
      this.#open.delete(name);
      socket.destroy();
      return true;
    }
    return false;
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
