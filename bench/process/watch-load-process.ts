import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { grpcBody } from "../load/http2-load.ts";
import { SignedCalls, watchCall } from "../load/signed-calls.ts";
import { answerParent } from "./answering.ts";
import { machineMs } from "./machine-time.ts";
import { eventText, type WatchedEvent } from "./watched-event.ts";

/** The watches to open. */
export interface Watches {
  readonly address: string;
  readonly credentials: string;
  readonly jobId: string;
  readonly watches: number;
  readonly connections: number;
  /** Stops reading after the headers. */
  readonly stalled: boolean;
}

let open = 0;
let failure: Error | undefined;
let awaited: { readonly text: Buffer; heard: number; readonly by: PromiseWithResolvers<number> } | undefined;

const questions = {
  /** Opens watches and waits for the first message of each, or, for stalled ones, for the headers. */
  async open({ address, credentials, jobId, watches, connections, stalled }: Watches): Promise<void> {
    const calls = new SignedCalls(credentials, watchCall(jobId));
    const sessions = await Promise.all(
      Array.from({ length: connections }, async () => {
        const settings = stalled ? { settings: { initialWindowSize: 0 } } : {};
        const session = connect(`http://${address}`, settings);
        await once(session, "remoteSettings");
        return session;
      }),
    );
    const opened = Array.from({ length: watches }, (_, index) =>
      openWatch(sessions[index % connections] as ClientHttp2Session, calls, stalled ? "response" : "data"),
    );
    await Promise.all(opened);
    open = watches;
  },
  /** Starts waiting for an event. Heartbeats are ignored. */
  expect(event: WatchedEvent): void {
    awaited = { text: Buffer.from(eventText(event)), heard: 0, by: Promise.withResolvers() };
  },
  /** Waits until every watch has received the event. Returns the time of the last one. */
  async heard(): Promise<number> {
    const atMs = await awaited?.by.promise;
    if (atMs === undefined || failure !== undefined) throw failure ?? new Error("no event is expected");
    return atMs;
  },
};

function openWatch(session: ClientHttp2Session, calls: SignedCalls, until: "response" | "data"): Promise<unknown> {
  const stream = session.request({
    ":method": "POST",
    ":path": calls.method,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("data", (chunk: Buffer) => {
    if (awaited === undefined || !chunk.includes(awaited.text)) return;
    awaited.heard += 1;
    if (awaited.heard === open) awaited.by.resolve(machineMs());
  });
  const ended = new Promise<never>((_, reject) => {
    stream.on("close", () => {
      failure ??= new Error("a watch ended");
      awaited?.by.resolve(machineMs());
      reject(failure);
    });
  });
  ended.catch(() => {});
  stream.end(grpcBody(calls.next()));
  return Promise.race([once(stream, until), ended]);
}

/** The questions of the watching process. */
export type WatchLoadQuestions = typeof questions;

answerParent(questions);
