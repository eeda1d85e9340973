import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliServer, sealwire } from "../cli/cli-process.ts";

const TOOLS = join(import.meta.dirname, "interop-tools.ts");
const PLENTY = "1000000";
const LIMITS = ["--calls-per-second", "--burst", "--calls-in-flight", "--open-jobs", "--open-watches"];

/** A `sealwire serve` process with the demo tools and those of proto/interop/v1. */
export class InteropServer implements AsyncDisposable {
  readonly folder: string;
  #server: CliServer;

  private constructor(folder: string, server: CliServer) {
    this.folder = folder;
    this.#server = server;
  }

  /** Starts a server in a new folder; dispose it at the end. */
  static async start(): Promise<InteropServer> {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-interop-"));
    return new InteropServer(folder, await serve(folder, "127.0.0.1:0"));
  }

  /** `host:port`, which stays the same over a restart. */
  get address(): string {
    return this.#server.ready.listening;
  }

  /** Makes a client that may call these tools as often as it likes; returns its credentials file, mode 0600. */
  async addClient(clientId: string, tools = "*"): Promise<string> {
    const file = join(this.folder, `${clientId}.json`);
    const limits = LIMITS.flatMap((option) => [option, PLENTY]);
    const args = ["keys", "add", clientId, "--tools", tools, ...limits, "--address", this.address, "--out", file];
    await this.#changeKeys(args);
    return file;
  }

  /** Makes the next key of a client; returns its credentials file. */
  async rotate(clientId: string): Promise<string> {
    const file = join(this.folder, `${clientId}-next.json`);
    await this.#changeKeys(["keys", "rotate", clientId, "--address", this.address, "--out", file]);
    return file;
  }

  /** Revokes a key. */
  async revoke(keyId: string): Promise<void> {
    await this.#changeKeys(["keys", "revoke", keyId]);
  }

  async #changeKeys(args: readonly string[]): Promise<void> {
    const { process } = this.#server;
    const reloads = () => process.stderr.split("key ring reloaded").length;
    // The server may notice the change by itself, before it is told.
    const before = reloads();
    const { code, stderr } = await sealwire(args, { cwd: this.folder });
    if (code !== 0) throw new Error(`sealwire ${args.join(" ")}: ${stderr}`);
    process.child.kill("SIGHUP");
    await process.until("the changed keys", () => reloads() > before);
  }

  /** Ends the server as an operator would, or by another signal, and starts it again at the same address. */
  async restart(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const { address } = this;
    this.#server.process.child.kill(signal);
    await this.#server.process.ended;
    this.#server = await serve(this.folder, address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function serve(folder: string, address: string): Promise<CliServer> {
  return CliServer.start(folder, "--dev", "--tools", TOOLS, "--listen", address);
}
