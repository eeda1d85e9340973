import type { Socket } from "node:net";
import { CallCredentials, Metadata } from "@grpc/grpc-js";
import { CALL_HEADER_METADATA, sourceOf } from "../../wire/call-header.ts";

/**
 * Adds the local port of a call's connection to its metadata. Implemented as call credentials, because grpc-js passes
 * them the credentials of the connection that it has chosen.
 */
export class CallSource extends CallCredentials {
  readonly #sockets: WeakMap<CallCredentials, Socket>;
  #socket: Socket | undefined;

  /** `sockets`: the socket of each connection, by its credentials. */
  constructor(sockets: WeakMap<CallCredentials, Socket>) {
    super();
    this.#sockets = sockets;
  }

  /** Allows the process to exit while the connection is open, until grpc-js refs the socket again for a call. */
  unref(): void {
    this.#socket?.unref();
  }

  /** Called by grpc-js. */
  compose(connection: CallCredentials): CallCredentials {
    this.#socket = this.#sockets.get(connection);
    return this;
  }

  /** Called by grpc-js. */
  async generateMetadata(): Promise<Metadata> {
    const metadata = new Metadata();
    if (this.#socket !== undefined) metadata.set(CALL_HEADER_METADATA, sourceOf(this.#socket.localPort));
    return metadata;
  }

  /** Called by grpc-js. */
  _equals(other: CallCredentials): boolean {
    return this === other;
  }
}
