import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Suite } from "./suite.ts";

/** User id of `nobody`. PgBouncer refuses to run as root. */
const NOBODY = 65534;
const PROGRAM = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].find((path) => existsSync(path));

/** True if PgBouncer is installed. Otherwise skips the suite, or fails in CI. */
export function hasPgBouncer(test: Suite): boolean {
  if (PROGRAM !== undefined) return true;
  if (process.env.CI) throw new Error("PgBouncer is not installed, and CI skips nothing");
  test.skip("everything through PgBouncer", "PgBouncer is not installed");
  return false;
}

/** Options of a {@link PgBouncer}. */
export interface PgBouncerOptions {
  /** The port of the server behind it. */
  readonly target: number;
  readonly mode: "session" | "transaction" | "statement";
  /** More lines of its configuration. */
  readonly lines?: string;
}

/** A PgBouncer for one test. */
export class PgBouncer implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  static async start({ target, mode, lines = "" }: PgBouncerOptions): Promise<PgBouncer> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "sealwire-pgbouncer-"));
    const file = join(folder, "pgbouncer.ini");
    writeFileSync(join(folder, "users"), '"sealwire" ""\n');
    writeFileSync(
      file,
      `[databases]\npostgres = host=127.0.0.1 port=${target} dbname=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1
listen_port = ${port}\nunix_socket_dir =\nauth_type = trust\nauth_file = ${folder}/users\npool_mode = ${mode}\n${lines}\n`,
    );
    chmodSync(folder, 0o755);
    const child = spawn(PROGRAM ?? "pgbouncer", [file], {
      stdio: "ignore",
      ...(process.getuid?.() === 0 && { uid: NOBODY, gid: NOBODY }),
    });
    const bouncer = new PgBouncer(port, child, folder);
    await eventually("PgBouncer listens", () => isOpen(port));
    return bouncer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await ended;
    rmSync(this.#folder, { recursive: true });
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
