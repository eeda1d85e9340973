import { setTimeout as delay } from "node:timers/promises";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { type RawAnswer, RawClient, type RawFrame, signRaw } from "../support/raw-client.ts";
import { TEST_INPUT, testArgs } from "../support/test-service.ts";
import { CLOCK_OFFSETS_MS } from "./fate.ts";
import { FRAME_REQUEST } from "./history.ts";
import type { Dice } from "./seeded-random.ts";
import type { TrafficOptions } from "./traffic.ts";

interface SentFrame {
  readonly id: string;
  readonly client: string;
  readonly frame: RawFrame;
}

const IDENTITY = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const PAY = { tool: "pay", type: TEST_INPUT, value: testArgs(1) };
/** Number of the latest frames from which most replays are drawn, because a server may still consider them fresh. */
const LATEST = 40;
/** Pauses between two rounds of replays while the store may be away, and between two probes. */
const REPLAY_PAUSE_MS = 500;
const PROBE_PAUSE_MS = 200;
/** Number of consecutive refusals that count as a finding. */
const REFUSALS = 5;

/** Signed frames that are replayed unchanged: to other servers immediately, and after restarts. */
export class CapturedFrames implements Disposable {
  readonly #options: TrafficOptions;
  readonly #servers = new Map<string, readonly RawClient[]>();
  /** Frames whose first sending has ended. A replay of another frame could arrive first. */
  readonly #frames: SentFrame[] = [];
  /** Those that a server has accepted. */
  readonly #accepted: SentFrame[] = [];
  #signed = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    for (const [clientId, credentials] of options.credentials) {
      this.#servers.set(
        clientId,
        options.addresses.map((address) => new RawClient(address, credentials)),
      );
    }
  }

  /** Sends a new frame, with the time of one of the clocks, to some servers concurrently, and replays an old one. */
  async sendSome(dice: Dice): Promise<void> {
    const client = dice.pick([...this.#options.credentials.keys()]);
    const sentBefore = dice.chance(0.7) ? this.#frames.slice(-LATEST) : this.#frames;
    const sent = this.#sign(client, dice.chance(0.5) ? PAY : IDENTITY, dice.pick(CLOCK_OFFSETS_MS));
    const where = () => dice.chance(0.7);
    const old = sentBefore.length === 0 ? undefined : dice.pick(sentBefore);
    const fresh = this.#sendFirst(sent, where).then((answers) => this.#checkFresh(answers));
    await Promise.all([fresh, old && this.#send(old, where)]);
  }

  /** Sends every frame to every server once more. */
  async sendAllAgain(): Promise<void> {
    for (const frame of this.#frames) await this.#send(frame, () => true);
  }

  /** Sends some fresh frames; resolves when they are answered. */
  async sendFresh(): Promise<void> {
    const clients = [...this.#servers.keys()];
    const fresh = clients.flatMap((client) => [this.#sign(client, PAY), this.#sign(client, IDENTITY)]);
    await Promise.all(fresh.map((frame) => this.#sendFirst(frame, () => true)));
  }

  /** Replays the latest frames to every server for this time. */
  async sendLatestAgain(forMs: number): Promise<void> {
    const latest = this.#frames.slice(-LATEST);
    for (const endMs = performance.now() + forMs; performance.now() < endMs; await delay(100)) {
      await Promise.all(latest.map((frame) => this.#send(frame, () => true)));
    }
  }

  /** Replays the latest of the frames that were accepted so far to every server, until `over` resolves. */
  async sendAcceptedAgain(over: Promise<unknown>): Promise<void> {
    const accepted = this.#accepted.slice(-LATEST);
    await this.#repeat(over, REPLAY_PAUSE_MS, () =>
      Promise.all(accepted.map((frame) => this.#send(frame, () => true))),
    );
  }

  /** Sends a new frame to every server again and again, without waiting for answers, until `over` resolves. */
  async probe(over: Promise<unknown>): Promise<void> {
    const [client = ""] = this.#servers.keys();
    const sent: Promise<void>[] = [];
    await this.#repeat(over, PROBE_PAUSE_MS, () => {
      for (const place of this.#options.addresses.keys()) sent.push(this.#probe(client, place));
    });
    await Promise.all(sent);
  }

  /**
   * Checks that within this time no server accepts new frames, unless `over` returns true because the servers have
   * ended.
   */
  async refusedWithin(withinMs: number, over: () => boolean): Promise<void> {
    const endMs = performance.now() + withinMs;
    const [client = ""] = this.#servers.keys();
    for (let refused = 0; refused < REFUSALS && !over(); await delay(100)) {
      const answers = await this.#sendFirst(this.#sign(client, IDENTITY), () => true);
      const accepted = answers.some(({ code }) => code === 0);
      refused = accepted ? 0 : refused + 1;
      if (!accepted || over() || performance.now() < endMs) continue;
      const message = `a server accepts frames ${withinMs / 1_000} s after its store was lost`;
      return this.#options.history.note({ kind: "unexpected", message });
    }
  }

  /**
   * Sends new frames of every client to every server until each has accepted one. Returns false, and records a finding,
   * if this takes longer.
   */
  async acceptedAgain(withinMs: number): Promise<boolean> {
    const endMs = performance.now() + withinMs;
    const all = [...this.#servers].flatMap(([client, servers]) =>
      servers.map((_, place) => this.#acceptedBy(client, place, endMs)),
    );
    const refusals = (await Promise.all(all)).filter((refusal) => refusal !== undefined);
    for (const refusal of refusals) {
      const message = `${refusal} ${withinMs / 1_000} s after the last fault`;
      this.#options.history.note({ kind: "unexpected", message });
    }
    return refusals.length === 0;
  }

  [Symbol.dispose](): void {
    for (const servers of this.#servers.values()) for (const server of servers) server[Symbol.dispose]();
  }

  async #probe(client: string, server: number): Promise<void> {
    const [answer] = await this.#sendFirst(this.#sign(client, IDENTITY), (_, place) => place === server);
    const reason = answer?.code === 0 ? undefined : (answer?.reason ?? `status ${answer?.code}`);
    this.#options.history.note({ kind: "probed", server, reason });
  }

  /** Acts again and again, with pauses, until `over` resolves. */
  async #repeat(over: Promise<unknown>, pauseMs: number, act: () => unknown): Promise<void> {
    let isOver = false;
    const end = over.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await act();
      await Promise.race([end, delay(pauseMs)]);
    }
  }

  #sign(client: string, request: typeof IDENTITY | typeof PAY, aheadMs = 0): SentFrame {
    this.#signed += 1;
    const id = `${client} ${this.#signed}`;
    const requestId = FRAME_REQUEST + this.#signed;
    const credentials = this.#options.credentials.get(client) as ClientCredentials;
    return { id, client, frame: signRaw(credentials, { ...request, requestId, tsMs: Date.now() + aheadMs }) };
  }

  async #sendFirst(frame: SentFrame, where: (server: RawClient, place: number) => boolean) {
    const answers = await this.#send(frame, where);
    this.#frames.push(frame);
    if (answers.some(({ code }) => code === 0)) this.#accepted.push(frame);
    return answers;
  }

  async #send({ id, client, frame }: SentFrame, where: (server: RawClient, place: number) => boolean) {
    const { history } = this.#options;
    const servers = (this.#servers.get(client) ?? []).filter(where);
    const answers = await Promise.all(servers.map((server) => server.send(frame)));
    for (const { code, reason } of answers) {
      if (code === 0) history.note({ kind: "frame accepted", frame: id });
      else if (reason === "INTERNAL") history.note({ kind: "unexpected", message: `a frame was answered ${reason}` });
    }
    return answers;
  }

  /**
   * Sends new frames of a client to one server until it accepts one. Returns its refusal if it accepts none in time.
   */
  async #acceptedBy(client: string, place: number, endMs: number): Promise<string | undefined> {
    for (;;) {
      const [answer] = await this.#sendFirst(this.#sign(client, IDENTITY), (_, at) => at === place);
      if (answer?.code === 0) return undefined;
      const why = answer?.reason ?? `${answer?.code} ${answer?.details}`;
      if (performance.now() > endMs) return `server ${place + 1} refuses fresh frames of ${client} as ${why}`;
      await delay(100);
    }
  }

  /** Of the servers that receive a frame concurrently, all but one may answer REPLAYED, but not all. */
  #checkFresh(answers: readonly RawAnswer[]): void {
    if (answers.length === 0 || answers.some(({ reason }) => reason !== "REPLAYED")) return;
    this.#options.history.note({ kind: "unexpected", message: "a fresh frame was called replayed by all who got it" });
  }
}
