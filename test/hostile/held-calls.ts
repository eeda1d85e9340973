import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { CALL_METHOD, CALL_STREAM_METHOD } from "../../src/wire/limits.ts";
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

/**
 * Holds so many calls open without ever ending one, and opens another for each that the server ends. Counts those that were
 * opened on a connection that the server has let in.
 */
export function holdCalls({ connections, callsPerConnection, method, send = () => {} }: HeldCalls): Attack {
  return async ({ address }) => {
    let over = false;
    let opened = 0;
    const sessions = Array.from({ length: connections }, () => connect(`http://${address}`));
    const hold = (session: ClientHttp2Session): void => {
      if (over || session.destroyed || session.closed) return;
      const stream = openCall(session, method);
      stream.on("error", () => {});
      whenOpen(stream, () => {
        opened += 1;
      });
      stream.on("close", () => setTimeout(hold, RENEW_MS, session));
      stream.resume();
      send(stream);
    };
    for (const session of sessions) {
      session.on("error", () => {});
      for (let call = 0; call < callsPerConnection; call += 1) hold(session);
    }
    return {
      count: () => opened,
      end() {
        over = true;
        for (const session of sessions) session.destroy();
      },
    };
  };
}

/** Announces so many bytes, and sends one. */
const announce = (length: number) => (stream: ClientHttp2Stream) => {
  const start = Buffer.alloc(6);
  start.writeUInt32BE(length, 1);
  stream.write(start);
};

/** Announces 1 MiB, and sends a byte a second. */
const trickle = (stream: ClientHttp2Stream): void => {
  announce(1024 * 1024)(stream);
  const timer = setInterval(() => stream.write(Buffer.of(0)), 1000);
  stream.on("close", () => clearInterval(timer));
};

/** Calls back once a stream has its place on a connection that is there. */
export function whenOpen(stream: ClientHttp2Stream, callback: () => void): void {
  if (stream.pending) stream.once("ready", callback);
  else callback();
}

/** How many calls an attack opens at its begin. */
export function callsOf({ connections, callsPerConnection }: HeldCalls): number {
  return connections * callsPerConnection;
}

/** The attacks that hold calls open without being verified, by what they do. */
export const heldCalls: Readonly<Record<string, HeldCalls>> = {
  "130 calls that send nothing but headers": { connections: 1, callsPerConnection: 130, method: CALL_METHOD },
  "1,000 calls of six bytes": { connections: 1, callsPerConnection: 1000, method: CALL_METHOD, send: announce(256) },
  "1,000 calls that announce 1 MiB": {
    connections: 1,
    callsPerConnection: 1000,
    method: CALL_METHOD,
    send: announce(1024 * 1024),
  },
  "1,000 call streams that announce 1 MiB": {
    connections: 1,
    callsPerConnection: 1000,
    method: CALL_STREAM_METHOD,
    send: announce(1024 * 1024),
  },
  "60 connections with 50 calls each that send nothing": {
    connections: 60,
    callsPerConnection: 50,
    method: CALL_METHOD,
  },
  "60 connections with 50 calls each that send a byte a second": {
    connections: 60,
    callsPerConnection: 50,
    method: CALL_METHOD,
    send: trickle,
  },
};
