import { spawnSync } from "node:child_process";
import { chownSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PostgreSQL refuses to run as root; this is `nobody`. */
const NOBODY = 65534;
const USER = "bench";

/**
 * Starts a PostgreSQL server of its own, on a unix socket in a temporary folder, durable as it comes: with fsync and
 * synchronous_commit on. It ends with this process.
 */
export function startPostgres(): { readonly url: string } & AsyncDisposable {
  const bin = ["/usr/lib/postgresql/*/bin", "/usr/bin", "/usr/local/bin"]
    .flatMap((pattern) => globSync(pattern).sort().reverse())
    .find((folder) => existsSync(join(folder, "initdb")));
  if (bin === undefined) throw new Error("PostgreSQL is not installed: there is no initdb");
  const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-pg-"));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(folder, NOBODY, NOBODY);
  const data = join(folder, "data");
  const run = (program: string, args: readonly string[]): void => {
    const { status, stderr } = spawnSync(join(bin, program), args, {
      ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}),
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  };
  run("initdb", ["-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale"]);
  writeFileSync(
    join(data, "postgresql.auto.conf"),
    `listen_addresses = ''\nunix_socket_directories = '${folder}'\nmax_connections = 200\n`,
  );
  run("pg_ctl", ["start", "-D", data, "-w", "-t", "60", "-l", join(folder, "log")]);
  let running = true;
  const stop = (): void => {
    if (!running) return;
    running = false;
    run("pg_ctl", ["stop", "-D", data, "-m", "immediate", "-w"]);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", stop);
  return {
    url: `postgres://${USER}@/postgres?host=${folder}`,
    async [Symbol.asyncDispose]() {
      stop();
    },
  };
}
