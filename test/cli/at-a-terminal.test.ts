import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { shellQuote } from "../../src/files/shell-quote.ts";
import { eventually } from "../support/eventually.ts";
import { QUICK_START } from "../support/quick-start.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

/* What people see who type commands: each runs in a terminal of its own, which `script` (util-linux) makes. */
const test = suite("cli/at-a-terminal");

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const hasScript = spawnSync("script", ["--version"]).status === 0;
const inTerminal = (name: string, body: () => Promise<void>): void =>
  hasScript ? test(name, body) : test.skip(name, "there is no script (util-linux)");

/** A command in a terminal, and what is on its screen. */
class TypedCommand implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #screen = "";

  constructor(cwd: string, args: readonly string[]) {
    const command = [process.execPath, MAIN, ...args].map(shellQuote).join(" ");
    const { PATH, HOME } = process.env;
    this.#child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
      cwd,
      env: { PATH, HOME, TERM: "xterm", ...QUICK_START },
    });
    this.#ended = once(this.#child, "close");
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#screen += text;
    });
  }

  get screen(): string {
    return stripVTControlCharacters(this.#screen).replaceAll("\r", "");
  }

  shows(text: string): Promise<unknown> {
    return eventually(`${text} on the screen: ${this.screen}`, () => this.screen.includes(text));
  }

  /** Types text; \u0003 is Ctrl-C and \u0004 Ctrl-D. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  async end(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

inTerminal("serve --dev says what is served, where, and what to type next, and its log is readable", () =>
  inFolder(async (folder) => {
    await using serve = new TypedCommand(folder, ["serve", "--dev", "--listen", "127.0.0.1:0"]);
    await serve.shows("Its log follows.");
    await serve.shows("credentials made");
    await serve.shows("key ring reloaded");
    const { address } = JSON.parse(await readFile(".sealwire/client.json", "utf8"));
    assert.match(serve.screen, /^Serving batch_sum, start_long_task$/m);
    assert.match(serve.screen, `on ${address}, as sealwire-dev`);
    assert.match(serve.screen, /^ {2}console on http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/m);
    assert.match(serve.screen, "client.json in .sealwire, keys in .sealwire/key-ring.json, jobs in .sealwire");
    assert.match(serve.screen, /^ {2}npx sealwire call batch_sum '\{"numbers": \[1, 2, 3\.5\]\}'$/m);
    assert.match(
      serve.screen,
      /^\d\d:\d\d:\d\d\.\d{3} info {2}credentials made path=\.sealwire\/client\.json key_id=k_/m,
    );
    assert.not.match(serve.screen, /^\{/m);
    serve.type("\u0003");
    await serve.end();
  }),
);

inTerminal("proxy says for whom it calls, where, and what to type next, and Ctrl-C ends it", () =>
  inFolder(async (folder) => {
    await using _server = await CliServer.start(folder, "--dev");
    await using proxy = new TypedCommand(folder, ["proxy"]);
    await proxy.shows("contract read");
    assert.match(proxy.screen, /^Proxy to sealwire-dev as dev$/m);
    assert.match(proxy.screen, /^ {2}on unix:\.sealwire\/proxy\.sock$/m);
    assert.match(proxy.screen, /^ {2}grpcurl -plaintext unix:\.sealwire\/proxy\.sock list$/m);
    assert.not.match(proxy.screen, /^\{/m);
    proxy.type("\u0003");
    await proxy.end();
    assert.match(proxy.screen, "drained");
  }),
);

inTerminal("verify and call say that they wait for what is typed", () =>
  inFolder(async (folder) => {
    await using _server = await CliServer.start(folder, "--dev");
    await using call = new TypedCommand(folder, ["call", "batch_sum", "-"]);
    await call.shows("Waiting for the arguments as JSON on stdin; end it with Ctrl-D");
    call.type('{"numbers":[1,2]}\n\u0004');
    assert.is(await call.end(), 0);
    assert.match(call.screen, '{"count":2,"total":3}');
    await using verify = new TypedCommand(folder, ["verify"]);
    await verify.shows("Waiting for a signed request on stdin; end it with Ctrl-D");
    verify.type("{}\n\u0004");
    assert.is(await verify.end(), 3);
    assert.is((await run(["tools"])).code, 0);
  }),
);

test.run();
