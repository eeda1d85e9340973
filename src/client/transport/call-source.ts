import type { Socket } from "node:net";
import { CallCredentials, Metadata } from "@grpc/grpc-js";
import { CALL_HEADER_METADATA, sourceOf } from "../../wire/call-header.ts";

/**
 * Tells the server in a call's metadata from which port the call is sent. Written as credentials of the call, since grpc-js
 * asks those once it has chosen a connection: it gives them the credentials of that connection.
 */
export class CallSource extends CallCredentials {
  readonly #sockets: WeakMap<CallCredentials, Socket>;
  #socket: Socket | undefined;

  /** `sockets`: the socket behind the credentials of each connection. */
  constructor(sockets: WeakMap<CallCredentials, Socket>) {
    super();
    this.#sockets = sockets;
  }

  /** Lets the process end while the connection is open, until grpc-js sends the first call of a row on it again. */
  unref(): void {
    this.#socket?.unref();
  }

  /** For grpc-js. */
  compose(connection: CallCredentials): CallCredentials {
    this.#socket = this.#sockets.get(connection);
    return this;
  }

  /** For grpc-js. */
  async generateMetadata(): Promise<Metadata> {
    const metadata = new Metadata();
    if (this.#socket !== undefined) metadata.set(CALL_HEADER_METADATA, sourceOf(this.#socket.localPort));
    return metadata;
  }

  /** For grpc-js. */
  _equals(other: CallCredentials): boolean {
    return this === other;
  }
}
