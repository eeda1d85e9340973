import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { LONGEST_DELAY_MS } from "../../runtime/clock.ts";

/** The private field in which grpc-js 1.14 stores the HTTP/2 servers of its injectors. */
interface OwnServers {
  readonly http2Servers?: ReadonlyMap<Http2Server, unknown>;
}

/** Receives each new call before grpc-js does. `pass` hands it over. */
export type TakeCall = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, pass: () => void) => void;

const TIMEOUT_HEADER = "grpc-timeout";
/** The pattern by which grpc-js reads the header. */
const TIMEOUT = /(\d{1,8})\s*([HMSmun])/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000 };

/**
 * Takes the calls of injected connections before grpc-js does, and corrects two of its faults. It answers some calls
 * without a check whether their stream is still open, which throws outside of any call: a client can reset a stream in
 * the packet that opens it. And it ends a call with a deadline in more than 24.8 days at once.
 *
 * Called after the server's only injector was created. Only this file depends on these internals of grpc-js, and
 * test/server/grpc/incoming-calls.test.ts fails if they change.
 */
export function interceptCalls(server: Server, take: TakeCall = (_stream, _headers, pass) => pass()): void {
  const [http2, ...others] = (server as unknown as OwnServers).http2Servers?.keys() ?? [];
  const [listener, ...more] = http2?.listeners("stream") ?? [];
  if (http2 === undefined || listener === undefined || others.length + more.length > 0) {
    throw new Error("This version of grpc-js has other internals; see src/server/grpc/incoming-calls.ts.");
  }
  http2.removeAllListeners("stream");
  http2.on("stream", (stream, headers, ...rest) => {
    if (stream.destroyed || stream.closed) {
      // Its error is emitted next. Without a listener it would end the process.
      stream.on("error", () => {});
      return;
    }
    if (isTooLong(headers[TIMEOUT_HEADER])) delete headers[TIMEOUT_HEADER];
    take(stream, headers, () => listener.call(http2, stream, headers, ...rest));
  });
}

/** True for a time limit that Node's timers cannot measure. Its caller ends the call. */
function isTooLong(timeout: string | string[] | undefined): boolean {
  const [, amount, unit = ""] = TIMEOUT.exec(String(timeout ?? "")) ?? [];
  return Number(amount) * (UNIT_MS[unit] ?? 1) > LONGEST_DELAY_MS;
}
