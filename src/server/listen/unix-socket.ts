import { once } from "node:events";
import { chmodSync, lstatSync, renameSync, rmSync, type Stats } from "node:fs";
import { connect, type Server } from "node:net";
import { tryKernelLock } from "../../files/kernel-lock.ts";

/** The limit is 107 bytes on Linux and 103 bytes elsewhere. The temporary name has a suffix of four bytes. */
const PATH_BYTES_MOST = 99;
const OWNER_ONLY = 0o600;

/** A unix socket that a server listens on. */
export interface UnixSocket {
  /** Removes the socket, unless the path now has another file, and releases the lock of the path. Idempotent. */
  release(): void;
}

/**
 * Listens on the unix socket at `path`, for this user only. Replaces a socket that a killed process left, but neither a
 * socket in use nor another file. Rejects with an Error whose message completes "Cannot listen on …:".
 *
 * Two processes that start at the same time could both find a stale socket, and one could replace the new socket of the
 * other. A lock file beside the socket prevents this; the kernel releases it when the process ends. The socket is bound
 * under a temporary name and then renamed. So it has its final mode when it appears, and libuv, which removes the bound
 * name on close, cannot remove another file at the path.
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<UnixSocket> {
  if (Buffer.byteLength(path) > PATH_BYTES_MOST) {
    throw new Error(`the path of a unix socket may have ${PATH_BYTES_MOST} bytes at most`);
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

/** Rejects if a process listens at the path, or if the path has a file that is not a socket. */
async function checkFree(path: string): Promise<void> {
  const status = statusOf(path);
  if (status === undefined) return;
  if (!status.isSocket()) throw new Error("there is a file that is not a socket");
  const code = await connectionError(path);
  if (code === undefined) throw new Error("another process uses it");
  // ENOENT: removed meanwhile. Other errors, such as a full queue, do not prove that no process listens.
  if (code !== "ECONNREFUSED" && code !== "ENOENT") {
    throw new Error(`there is a socket that may be in use (${code})`);
  }
}

/** The error code of a connection to the path; `undefined` if it succeeds. */
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
