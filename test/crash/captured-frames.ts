import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { RawClient, type RawFrame, signRaw } from "../support/raw-client.ts";
import type { Dice } from "./seeded-random.ts";
import type { TrafficOptions } from "./traffic.ts";

interface SentFrame {
  readonly id: string;
  readonly client: string;
  readonly frame: RawFrame;
}

const IDENTITY = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

/** Signed frames that are sent again, as they are: to other servers at once, and after restarts. */
export class CapturedFrames implements Disposable {
  readonly #options: TrafficOptions;
  readonly #servers = new Map<string, readonly RawClient[]>();
  readonly #frames: SentFrame[] = [];

  constructor(options: TrafficOptions) {
    this.#options = options;
    for (const [clientId, credentials] of options.credentials) {
      this.#servers.set(
        clientId,
        options.addresses.map((address) => new RawClient(address, credentials)),
      );
    }
  }

  /** Sends a fresh frame to some servers at once, and an old one again. */
  async sendSome(dice: Dice): Promise<void> {
    const { credentials } = this.#options;
    const client = dice.pick([...credentials.keys()]);
    const frame = signRaw(credentials.get(client) as ClientCredentials, IDENTITY);
    const sent = { id: `${client} ${this.#frames.length}`, client, frame };
    this.#frames.push(sent);
    const where = () => dice.chance(0.7);
    await Promise.all([this.#send(sent, where), this.#send(dice.pick(this.#frames), where)]);
  }

  /** Sends every frame to every server once more. */
  async sendAllAgain(): Promise<void> {
    for (const frame of this.#frames) await this.#send(frame, () => true);
  }

  [Symbol.dispose](): void {
    for (const servers of this.#servers.values()) for (const server of servers) server[Symbol.dispose]();
  }

  async #send({ id, client, frame }: SentFrame, where: () => boolean): Promise<void> {
    const { history } = this.#options;
    const servers = (this.#servers.get(client) ?? []).filter(where);
    for (const { code, reason } of await Promise.all(servers.map((server) => server.send(frame)))) {
      if (code === 0) history.note({ kind: "frame accepted", frame: id });
      else if (reason === "INTERNAL") history.note({ kind: "unexpected", message: `a frame was answered ${reason}` });
    }
  }
}
