import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { grpcBody } from "../load/http2-load.ts";
import { SignedCalls, watchCall } from "../load/signed-calls.ts";
import { answerParent } from "./answering.ts";
import { epochMs } from "./epoch.ts";

/** Which watches to open. */
export interface Watches {
  readonly address: string;
  readonly credentials: string;
  readonly jobId: string;
  readonly watches: number;
  readonly connections: number;
  /** Lets the server send headers and nothing more, as a reader does that has stopped reading. */
  readonly stalled: boolean;
}

let open = 0;
let messages = 0;
let failure: Error | undefined;
let waiting: { readonly messages: number; readonly resolve: (atMs: number) => void } | undefined;

const questions = {
  /** Opens watches and waits until each has its first message; stalled ones, until the server has answered. */
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
    messages = 0;
  },
  /** Waits until every watch has one message more than when the last event was heard. Gives the time of the last one. */
  async event(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    waiting = { messages: open, resolve };
    heard();
    const atMs = await promise;
    if (failure !== undefined) throw failure;
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
  stream.on("data", () => {
    messages += 1;
    heard();
  });
  stream.on("close", () => {
    failure ??= new Error("a watch ended");
    heard();
  });
  stream.end(grpcBody(calls.next()));
  return once(stream, until);
}

function heard(): void {
  if (waiting === undefined || (messages < waiting.messages && failure === undefined)) return;
  messages -= waiting.messages;
  waiting.resolve(epochMs());
  waiting = undefined;
}

/** What the process that watches can be asked. */
export type WatchLoadQuestions = typeof questions;

answerParent(questions);
