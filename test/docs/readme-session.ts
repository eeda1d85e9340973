import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { type Ran, typeCommands } from "./type-commands.ts";

const DEFAULT_ADDRESS = "127.0.0.1:50051";
const SERVE = /^npx sealwire serve .*$/m;
const PROXY = /^npx sealwire proxy$/m;

/**
 * Somebody who follows the README in a fresh clone: types its commands, writes its files, keeps the server of its one
 * terminal running while using the other.
 */
export class ReadmeSession implements AsyncDisposable {
  readonly #home = mkdtempSync(join(tmpdir(), "sealwire-readme-"));
  /** Where the reader is; `cd` moves it. */
  #folder: string;
  #server: ChildProcess | undefined;
  #proxy: ChildProcess | undefined;
  /** Folders of programs that the reader has installed. */
  readonly #path: readonly string[];
  #address = DEFAULT_ADDRESS;

  /** Copies what git knows or would take up. */
  constructor(repository: string, path: readonly string[]) {
    this.#path = path;
    this.#folder = join(this.#home, "sealwire");
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: repository,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    for (const file of listed.split("\0").filter((name) => name !== "")) {
      cpSync(join(repository, file), join(this.#folder, file));
    }
  }

  /** Writes the file that a block's first line names. */
  write(block: string): void {
    const [, name] = /^\/\/ (\S+)\n/.exec(block) ?? [];
    if (name === undefined) throw new Error(`the block does not say which file it is:\n${block}`);
    const path = join(this.#folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, block);
  }

  /** Types the commands of a block. One that serves takes the place of the server there was. Rejects if a command fails. */
  async type(block: string): Promise<Ran> {
    if (SERVE.test(block)) return this.#serve(block);
    if (PROXY.test(block)) return this.#serveProxy(block);
    const commands = block.replaceAll(DEFAULT_ADDRESS, this.#address);
    const where = join(this.#home, "folder");
    const ran = await this.#run(`${commands}\npwd > '${where}'`);
    this.#folder = readFileSync(where, "utf8").trim();
    return ran;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopServer();
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** Serves on a free port instead of the usual one, which others on this machine may have taken. */
  async #serve(block: string): Promise<Ran> {
    await this.#stopServer();
    const { child, ran } = await this.#start(`${block.trim()} --listen 127.0.0.1:0`);
    this.#server = child;
    this.#address = JSON.parse(ran.stdout).listening;
    return ran;
  }

  async #serveProxy(block: string): Promise<Ran> {
    const { child, ran } = await this.#start(block.trim());
    this.#proxy = child;
    return ran;
  }

  /** Starts a command that runs until it is stopped, and waits for its first line. */
  async #start(command: string): Promise<{ readonly child: ChildProcess; readonly ran: Ran }> {
    const child = spawn("bash", ["-euo", "pipefail", "-c", `exec ${command}`], {
      cwd: this.#folder,
      env: this.#environment(),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const lines = createInterface({ input: child.stdout });
    const stdout = await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve).once("close", () => reject(new Error(`${command} ended at once:\n${stderr}`)));
    });
    return { child, ran: { stdout, stderr } };
  }

  async #stopServer(): Promise<void> {
    const running = [this.#proxy, this.#server];
    this.#proxy = undefined;
    this.#server = undefined;
    for (const child of running) {
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const exited = new Promise((resolve) => child.once("exit", resolve));
      // npx, its shell and the server are one process group, as in a terminal where Ctrl-C is pressed.
      process.kill(-child.pid, "SIGINT");
      await exited;
    }
  }

  #run(commands: string): Promise<Ran> {
    return typeCommands(commands, { cwd: this.#folder, env: this.#environment() });
  }

  /** A reader's shell: this Node first, nothing of the repository's node_modules or of the npm that runs this test. */
  #environment(): NodeJS.ProcessEnv {
    const paths = (process.env.PATH ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
    const PATH = [dirname(process.execPath), ...this.#path, ...paths].join(delimiter);
    const env: NodeJS.ProcessEnv = { ...process.env, PATH, SEALWIRE_ADDRESS: this.#address };
    for (const name of Object.keys(env))
      if (/^(npm_|NODE_V8_COVERAGE$)/i.test(name) && !/^npm_config_(registry|cache)$/i.test(name)) delete env[name];
    return { ...env, npm_config_prefer_offline: "true" };
  }
}
