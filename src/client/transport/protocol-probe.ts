import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../runtime/clock.ts";

/** Whom to ask, and for how long. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly limitMs: number;
}

/** What an HTTP/2 client sends first: the preface and a SETTINGS frame without any. */
const HELLO = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from("000000040000000000", "hex"),
]);
const FRAME_TYPE_AT = 3;
const SETTINGS_TYPE = 4;

/** What OpenSSL says of an answer that is no TLS. */
const NO_TLS: ReadonlySet<string> = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

/** True for an error that shows a peer to speak something else than TLS. */
export function isNoTls({ code = "" }: NodeJS.ErrnoException): boolean {
  return NO_TLS.has(code);
}

/** True if whoever listens there speaks TLS. Nothing is sent to it and nothing of it believed. */
export function speaksTls(target: ProbeTarget): Promise<boolean> {
  const { host, port } = target;
  const socket = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  return verdict(target, socket, (conclude) => {
    socket.once("secureConnect", () => conclude(true));
    // Also a refusal is said by TLS.
    socket.on("error", (error: NodeJS.ErrnoException) =>
      conclude(error.code?.startsWith("ERR_SSL_") === true && !isNoTls(error)),
    );
  });
}

/** True if whoever listens there speaks HTTP/2 in plaintext. Only what every client sends first is sent. */
export function speaksPlaintext(target: ProbeTarget): Promise<boolean> {
  const socket = connectPlain({ host: target.host, port: target.port }, () => socket.write(HELLO));
  return verdict(target, socket, (conclude) => {
    socket.once("data", (bytes: Buffer) => conclude(bytes[FRAME_TYPE_AT] === SETTINGS_TYPE));
    socket.on("error", () => conclude(false));
  });
}

async function verdict(
  { clock, limitMs }: ProbeTarget,
  socket: Socket,
  listen: (conclude: (isSo: boolean) => void) => void,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  using _ = clock.after(limitMs, () => resolve(false));
  listen(resolve);
  socket.once("close", () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
