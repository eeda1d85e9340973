import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../runtime/clock.ts";

/** The server to probe, and the time limit. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly limitMs: number;
}

/** The first bytes of an HTTP/2 client: the preface and an empty SETTINGS frame. */
const HELLO = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from("000000040000000000", "hex"),
]);
const FRAME_TYPE_AT = 3;
const SETTINGS_TYPE = 4;

/** Error codes of OpenSSL for an answer that is not TLS. */
const NO_TLS: ReadonlySet<string> = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

/** True if the error shows that the peer does not use TLS. */
export function isNoTls({ code = "" }: NodeJS.ErrnoException): boolean {
  return NO_TLS.has(code);
}

/** Resolves to true if the server uses TLS. Sends no application data and verifies no certificate. */
export function speaksTls(target: ProbeTarget): Promise<boolean> {
  const { host, port } = target;
  const socket = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  return verdict(target, socket, (conclude) => {
    socket.once("secureConnect", () => conclude(true));
    // A TLS alert also shows that the server uses TLS.
    socket.on("error", (error: NodeJS.ErrnoException) =>
      conclude(error.code?.startsWith("ERR_SSL_") === true && !isNoTls(error)),
    );
  });
}

/** Resolves to true if the server uses HTTP/2 in plaintext. Sends only the preface and an empty SETTINGS frame. */
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
