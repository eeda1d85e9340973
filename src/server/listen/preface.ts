import type { Socket } from "node:net";

/** The client preface of HTTP/2. A SETTINGS frame with a header of nine bytes follows it. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME_HEADER_BYTES = 9;
const SETTINGS_TYPE = 4;
/** Upper limit for the size of the settings. Real clients send less. */
const SETTINGS_MAX_BYTES = 1024;

/**
 * Calls `onWhole` once the client has sent its preface and its settings, which remain readable on the socket. Calls
 * `onOther` as soon as it has sent something else.
 */
export function awaitPreface(socket: Socket, onWhole: () => void, onOther: () => void): void {
  let received = Buffer.alloc(0);
  const end = (then: () => void): void => {
    socket.off("readable", take);
    then();
  };
  const take = (): void => {
    for (let bytes = socket.read() as Buffer | null; bytes !== null; bytes = socket.read() as Buffer | null) {
      received = Buffer.concat([received, bytes]);
    }
    const length = prefaceLength(received);
    if (length === undefined) {
      end(onOther);
    } else if (received.length >= length) {
      end(() => {
        socket.unshift(received);
        onWhole();
      });
    }
  };
  socket.on("readable", take);
}

/**
 * The length of preface and settings, as far as the received bytes show it; `undefined` if they are something else.
 */
function prefaceLength(start: Buffer): number | undefined {
  const known = Math.min(start.length, PREFACE.length);
  if (start.compare(PREFACE, 0, known, 0, known) !== 0) return undefined;
  const settings = start.subarray(PREFACE.length);
  if (settings.length < FRAME_HEADER_BYTES) return PREFACE.length + FRAME_HEADER_BYTES;
  const length = settings.readUIntBE(0, 3);
  if (settings[3] !== SETTINGS_TYPE || length > SETTINGS_MAX_BYTES) return undefined;
  return PREFACE.length + FRAME_HEADER_BYTES + length;
}
