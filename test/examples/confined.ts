import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

/** What a command sees that runs as in a container. */
export interface Confinement {
  /** An empty folder to build the root file system on. */
  readonly root: string;
  /** Folders of this machine by where they are seen. */
  readonly volumes: Readonly<Record<string, string>>;
  /** Those of them that can be written, by where they are seen. */
  readonly writable: readonly string[];
  /** The working folder. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files to run by name, by where they are seen or on this machine. */
  readonly commands: Readonly<Record<string, string>>;
}

/**
 * Builds a root of read-only mounts in namespaces of its own and becomes user 65532 in it, without any capability. The
 * command is process 1. What is mounted here is gone with the process.
 */
const CONFINE = `
set -eu
root=$1 writable=$2 cwd=$3 commands=$4; shift 4
mount -t tmpfs -o mode=755 confined "$root"
for folder in usr lib lib64 bin etc; do
  if [ -L /$folder ]; then cp -P /$folder "$root"; elif [ -d /$folder ]; then mkdir "$root/$folder"; mount --bind /$folder "$root/$folder"; fi
done
mkdir "$root/proc" "$root/dev" "$root/commands"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount --bind "$2" "$root$1"; mount -o remount,bind,ro "$root$1"; shift 2; done
shift
for folder in $writable; do mount -o remount,bind,rw "$root$folder"; done
for command in $commands; do
  name=\${command%%=*} file=\${command#*=}
  if [ -e "$file" ]; then touch "$root/commands/$name"; mount --bind "$file" "$root/commands/$name"; else ln -s "$file" "$root/commands/$name"; fi
done
mount -o remount,ro "$root"
exec chroot "$root" /usr/bin/env --chdir="$cwd" PATH=/commands:/usr/bin:/bin \
  setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
`;

const NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child"];

/** Why nothing can be confined here, `undefined` if it can. */
export function whyNotConfined(): string | undefined {
  if (spawnSync("openssl", ["version"]).status !== 0) return "it takes `openssl`";
  const { status } = spawnSync("unshare", [...NAMESPACES, "setpriv", "--reuid", "65532", "true"]);
  return status === 0 ? undefined : "it takes root and `unshare`";
}

/** A command that runs as in a container. */
export class Confined implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  stdout = "";
  stderr = "";

  constructor({ root, volumes, writable, cwd, env, commands }: Confinement, ...command: readonly string[]) {
    const named = Object.entries(commands).map(([name, file]) => `${name}=${file}`);
    const mounts = Object.entries(volumes).flat();
    const places = [root, writable.join(" "), cwd, named.join(" ")];
    const script = ["sh", "-c", CONFINE, "confine", ...places, ...mounts, "--", ...command];
    this.#child = spawn("unshare", [...NAMESPACES, ...script], { env: { PATH: process.env.PATH, ...env } });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#child.stdin.end();
    this.ended = once(this.#child, "close").then(([code]) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }

  /** Sends a signal to process 1 inside, as `docker stop` does. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    await this.ended;
  }
}
