import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UpstreamOptions } from "../../src/upstream/options.ts";
import { framed } from "../support/http-call.ts";
import { faultDescriptors } from "./fault-upstream.ts";

/* An HTTP/2 server for the tools of fault.v1 that need not behave as a gRPC server does. */

const HEALTH_PATH = "/grpc.health.v1.Health/Check";
const { HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_PATH, HTTP2_HEADER_STATUS } = constants;

/** What a server does with each call of a tool. */
export type ActRaw = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => unknown;

/** A running server. */
export interface RawUpstream extends AsyncDisposable {
  /** For `createServer`. */
  readonly options: UpstreamOptions;
  /** The paths of the tools that were called. */
  readonly calls: string[];
  act: ActRaw;
}

/** Starts a server on a unix socket in a private folder. Its health is SERVING. */
export async function startRawUpstream(act: ActRaw, options: Partial<UpstreamOptions> = {}): Promise<RawUpstream> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-raw-"));
  chmodSync(folder, 0o700);
  const path = join(folder, "tools.sock");
  const calls: string[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({ maxSendHeaderBlockLength: 1 << 24 });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    stream.resume();
    const called = String(headers[HTTP2_HEADER_PATH]);
    if (called === HEALTH_PATH) {
      answer(stream, Buffer.of(8, 1));
    } else {
      calls.push(called);
      raw.act(stream, headers);
    }
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  await promise;
  const raw: RawUpstream = {
    options: { name: "raw", address: `unix:${path}`, descriptors: faultDescriptors(), ...options },
    calls,
    act,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return raw;
}

/** Answers as gRPC: a message, or none, and the trailers of a call that has succeeded unless they say otherwise. */
export function answer(
  stream: ServerHttp2Stream,
  message: Uint8Array | undefined,
  {
    headers = {},
    trailers = {},
    isCompressed = false,
  }: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly trailers?: Readonly<Record<string, string>>;
    readonly isCompressed?: boolean;
  } = {},
): void {
  stream.respond(
    { [HTTP2_HEADER_STATUS]: 200, [HTTP2_HEADER_CONTENT_TYPE]: "application/grpc", ...headers },
    { waitForTrailers: true },
  );
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", ...trailers }));
  const bytes = message === undefined ? Buffer.alloc(0) : framed(message);
  if (isCompressed) bytes[0] = 1;
  stream.end(bytes);
}
