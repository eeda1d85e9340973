import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { openCall } from "../support/http-call.ts";
import type { Attack } from "./hostile-site.ts";

const RENEW_MS = 100;

/** What is done on each connection of an attack that holds calls open. */
export interface HeldCalls {
  readonly connections: number;
  readonly callsPerConnection: number;
  /** gRPC path of the calls. */
  readonly method: string;
  /** Sends what the call is to send. Default: nothing but its headers. */
  readonly send?: (stream: ClientHttp2Stream) => void;
}

/** Holds so many calls open without ever ending one, and opens another for each that the server ends. */
export function holdCalls({ connections, callsPerConnection, method, send = () => {} }: HeldCalls): Attack {
  return async ({ address }) => {
    let over = false;
    const sessions = Array.from({ length: connections }, () => connect(`http://${address}`));
    const hold = (session: ClientHttp2Session): void => {
      if (over || session.destroyed || session.closed) return;
      const stream = openCall(session, method);
      stream.on("error", () => {});
      stream.on("close", () => setTimeout(hold, RENEW_MS, session));
      stream.resume();
      send(stream);
    };
    for (const session of sessions) {
      session.on("error", () => {});
      for (let call = 0; call < callsPerConnection; call += 1) hold(session);
    }
    return () => {
      over = true;
      for (const session of sessions) session.destroy();
    };
  };
}
