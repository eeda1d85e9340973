import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { json } from "node:stream/consumers";
import { CliProcess } from "../cli/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { type Ran, typeCommands } from "./type-commands.ts";

const SEALWIRE = join(import.meta.dirname, "typed-sealwire-process.ts");
const SERVES = /\bsealwire (serve|work)\b/;

/** What `sealwire serve` or `sealwire work` was typed with; see typed-sealwire-process.ts. */
export interface Serving {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Somebody who types the commands of a page, in a folder of their own with the project that the page presupposes. Folders
 * that the page names from the root stand in the session's home; its ports are free ones. `sealwire serve` and `sealwire
 * work` run on, each as in a terminal of its own, until a block serves anew.
 */
export class PageSession implements AsyncDisposable {
  /** Stands for the root of the file system. */
  readonly home = mkdtempSync(join(tmpdir(), "sealwire-page-"));
  /** Where commands are typed. */
  readonly folder = join(this.home, "project");
  readonly #places: readonly (readonly [place: RegExp, here: string])[];
  readonly #serving: CliProcess[] = [];
  readonly #failures: string[] = [];
  readonly #terminals: Server;
  readonly #address: string;

  private constructor(terminals: Server, ports: readonly [number, number, number], databaseUrl: string) {
    this.#terminals = terminals;
    this.#address = `127.0.0.1:${ports[0]}`;
    this.#places = [
      [/:50051\b/g, `:${ports[0]}`],
      [/:9464\b/g, `:${ports[1]}`],
      [/:9080\b/g, `:${ports[2]}`],
      // Whoever of the page's roles connects, and as carefully as it says: here it is the owner, on this machine.
      [/postgres:\/\/sealwire(?:_owner|_server)?@db(?:\.example)?\/sealwire(?:\?sslmode=verify-full)?/g, databaseUrl],
      [/(?<![\w.])\/(?=(?:etc|run|var\/lib)\/sealwire\b|run\/secrets\b|backup\b)/g, `${this.home}/`],
    ];
  }

  /** `databaseUrl` is where the page's own leads. */
  static async start(databaseUrl: string): Promise<PageSession> {
    const terminals = createServer({ allowHalfOpen: true });
    const session = new PageSession(terminals, [await freePort(), await freePort(), await freePort()], databaseUrl);
    for (const folder of ["etc/sealwire", "run/sealwire", "run/secrets", "var/lib/sealwire", "backup"])
      mkdirSync(join(session.home, folder), { recursive: true });
    const bin = join(session.folder, "node_modules", ".bin");
    mkdirSync(bin, { recursive: true });
    const command = `#!/bin/sh\nexec '${process.execPath}' '${SEALWIRE}' "$@"\n`;
    writeFileSync(join(bin, "sealwire"), command, { mode: 0o755 });
    terminals.on("connection", (socket) => {
      json(socket)
        .then((serving) => session.#serve(serving as Serving))
        .then((answer) => socket.end(JSON.stringify(answer)));
    });
    await once(terminals.listen(join(session.home, "terminals")), "listening");
    return session;
  }

  /** A text of the page as it is typed here. */
  here(text: string): string {
    return this.#places.reduce((typed, [place, here]) => typed.replaceAll(place, here), text);
  }

  /** Types commands of the page; those that serve are ready when it resolves. Rejects if a command fails. */
  async type(commands: string): Promise<Ran> {
    if (SERVES.test(commands)) await this.stopServing();
    const PATH = [join(this.folder, "node_modules", ".bin"), process.env.PATH].join(delimiter);
    const env = { ...process.env, PATH, SEALWIRE_ADDRESS: this.#address, TERMINALS: join(this.home, "terminals") };
    // What a block leaves in the background is ready, too, when the block has ended.
    const ran = await typeCommands(`${this.here(commands)}\nwait`, { cwd: this.folder, env });
    const failures = this.#failures.splice(0);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    return ran;
  }

  /** Ends what serves, as Ctrl-C does, and waits for it. Throws unless each ends with 0. */
  async stopServing(): Promise<void> {
    const serving = this.#serving.splice(0);
    for (const { child } of serving) child.kill("SIGINT");
    for (const { ended } of serving) {
      const { code, stderr } = await ended;
      if (code !== 0) throw new Error(`a server ended with ${code}:\n${stderr}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#serving) await each[Symbol.asyncDispose]();
    this.#terminals.close();
    rmSync(this.home, { recursive: true, force: true });
  }

  async #serve({ args, cwd, env }: Serving): Promise<{ readonly line: string } | { readonly failed: string }> {
    const isPlaced = args[0] === "work" || args.includes("--listen") || args.includes("--config");
    const process = new CliProcess([...args, ...(isPlaced ? [] : ["--listen", this.#address])], { cwd, env });
    // As long as it takes: somebody who types waits, too.
    const ready = new Promise<void>((resolve) => {
      process.child.stdout.on("data", () => process.stdout.includes("\n") && resolve());
    });
    const ended = await Promise.race([ready, process.ended]);
    if (ended !== undefined) {
      const failed = `${args.join(" ")} ended with ${ended.code}:\n${ended.stderr}`;
      this.#failures.push(failed);
      return { failed };
    }
    this.#serving.push(process);
    return { line: process.stdout.split("\n", 1)[0] ?? "" };
  }
}
