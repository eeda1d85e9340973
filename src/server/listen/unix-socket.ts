import { once } from "node:events";
import { chmodSync, lstatSync, renameSync, rmSync, type Stats } from "node:fs";
import { connect, type Server } from "node:net";
import { tryKernelLock } from "../../store/sqlite/kernel-lock.ts";

/** A socket's path is 107 bytes at most on Linux and 103 elsewhere, and ours has a suffix at first. */
const PATH_BYTES_MOST = 99;
const OWNER_ONLY = 0o600;

/** A unix socket that a server listens on. */
export interface UnixSocket {
  /** Removes the socket, unless something else stands at its path by now, and lets others have the path. Idempotent. */
  release(): void;
}

/**
 * Listens on the unix socket at `path`, for this user alone. One that a killed process left is replaced; one that somebody
 * listens on, and what is no socket, is left alone. Rejects with an Error that completes "Cannot listen on …:".
 *
 * Whoever finds a dead socket and replaces it could replace the living one of another who started at the same time. So
 * both need the lock file beside it, which is held as long as the socket and freed by the kernel. The socket is bound
 * under another name and then renamed: it appears with its final mode, and libuv, which removes the name it has bound
 * when it closes, does not remove what somebody else may have put at the path.
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<UnixSocket> {
  if (Buffer.byteLength(path) > PATH_BYTES_MOST) {
    throw new Error(`the path of a unix socket has ${PATH_BYTES_MOST} bytes at most`);
  }
  const lock = tryKernelLock(`${path}.lock`);
  if (lock === undefined) throw new Error("another process uses it");
  try {
    await checkFree(path);
    const first = `${path}.new`;
    if (statusOf(first)?.isSocket()) rmSync(first);
    server.listen(first);
    await once(server, "listening");
    chmodSync(first, OWNER_ONLY);
    renameSync(first, path);
    const own = lstatSync(path);
    let isReleased = false;
    return {
      release() {
        if (isReleased) return;
        isReleased = true;
        if (isSame(statusOf(path), own)) rmSync(path, { force: true });
        lock[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    lock[Symbol.dispose]();
    throw thrown;
  }
}

/** Rejects if somebody listens at the path, or if what is there is no socket. */
async function checkFree(path: string): Promise<void> {
  const status = statusOf(path);
  if (status === undefined) return;
  if (!status.isSocket()) throw new Error("there is something that is no socket");
  const code = await connectionError(path);
  if (code === undefined) throw new Error("another process uses it");
  // ENOENT: gone since we looked. Anything else, such as a queue that is full, does not say that nobody listens.
  if (code !== "ECONNREFUSED" && code !== "ENOENT") {
    throw new Error(`there is a socket, and whether anybody uses it cannot be told (${code})`);
  }
}

/** Why nobody can be connected to at the path; `undefined` if somebody can. */
function connectionError(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function statusOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isSame(found: Stats | undefined, own: Stats): boolean {
  return found !== undefined && found.dev === own.dev && found.ino === own.ino && found.birthtimeMs === own.birthtimeMs;
}
