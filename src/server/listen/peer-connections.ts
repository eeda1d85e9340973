import type { Socket } from "node:net";

/** Counts open connections by peer address. Connections on a unix socket have no address and no limit. */
export class PeerConnections {
  readonly #perPeerMax: number;
  readonly #open = new Map<string, number>();

  constructor(perPeerMax: number) {
    this.#perPeerMax = perPeerMax;
  }

  /** Counts a connection until it closes. Returns false if its peer already has the maximum number. */
  add(socket: Socket): boolean {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return true;
    const open = this.#open.get(remoteAddress) ?? 0;
    if (open >= this.#perPeerMax) return false;
    this.#open.set(remoteAddress, open + 1);
    socket.once("close", () => {
      const left = (this.#open.get(remoteAddress) ?? 1) - 1;
      if (left === 0) this.#open.delete(remoteAddress);
      else this.#open.set(remoteAddress, left);
    });
    return true;
  }
}
