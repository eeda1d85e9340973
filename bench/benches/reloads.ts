import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { dataFolder } from "../../src/cli/input/data-folder.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf, formatCredentials } from "../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { createRingFile } from "../../src/signing/key-ring/ring-file.ts";
import { builtinDescriptorSet } from "../../src/wire/descriptors.ts";
import type { Sample } from "../load/load.ts";
import { pickCores } from "../process/cores.ts";
import type { LoadQuestions } from "../process/load-process.ts";
import { PinnedProcess } from "../process/pinned-process.ts";
import type { PlainUpstreamQuestions } from "../process/plain-upstream-process.ts";
import { untilServing } from "../variants/forwarded.ts";
import { MANY_SERVICE, manyTools } from "../variants/many-tools.ts";
import { PLAIN_SERVICE } from "../variants/plain-upstream.ts";
import type { SealwireTarget } from "../variants/sealwire.ts";

const CLI = join(import.meta.dirname, "..", "..", "dist", "src", "cli", "main.js");
const PROCESSES = join(import.meta.dirname, "..", "process");
const TOOLS = 50;
const RELOADS = 10;
const CALLERS = 8;
const RELOADED = "the contracts of the upstreams were reloaded";
const MILLION = 1_000_000;

/** Calls of a forwarded tool without reloads, and while one reload follows the other. */
export interface Reloads {
  readonly calm: Sample;
  readonly reloading: Sample;
  readonly reloads: number;
}

/** Options of {@link measureReloads}. */
export interface ReloadsOptions {
  /** Shortest interval. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Measures `sealwire serve` with 50 tools of an upstream whose contract changes before each SIGHUP. */
export async function measureReloads({ seconds, warmUpSeconds }: ReloadsOptions): Promise<Reloads> {
  const cores = pickCores();
  await using running = new AsyncDisposableStack();
  const upstream = running.use(
    new PinnedProcess<PlainUpstreamQuestions>({
      file: join(PROCESSES, "plain-upstream-process.ts"),
      cores: cores.load,
    }),
  );
  const server = running.use(await ReloadedServer.start(await upstream.ask("serve", undefined as never), cores.server));
  const load = running.use(
    new PinnedProcess<LoadQuestions>({ file: join(PROCESSES, "load-process.ts"), cores: cores.load }),
  );
  await load.ask("connect", { name: "sealwire-forwarded", target: server.target });
  const measure = async (durationMs: number, callsPerMs: number): Promise<Sample> => {
    await load.ask("prepare", Math.ceil(callsPerMs * durationMs));
    return load.ask("run", { callers: CALLERS, durationMs });
  };
  const warm = await measure(warmUpSeconds * 1_000, 3);
  await server.reload();
  const callsPerMs = (2 * warm.calls) / warm.elapsedMs;
  const calm = await measure(seconds * 1_000, callsPerMs);
  const startedMs = performance.now();
  await server.reload();
  const durationMs = Math.max(seconds * 1_000, RELOADS * 2 * (performance.now() - startedMs));
  let isOver = false;
  let reloads = 0;
  const reloadOnAndOn = async (): Promise<void> => {
    while (!isOver) {
      await server.reload();
      if (!isOver) reloads += 1;
    }
  };
  const loaded = measure(durationMs, callsPerMs).finally(() => {
    isOver = true;
  });
  const [reloading] = await Promise.all([loaded, reloadOnAndOn()]);
  return { calm, reloading, reloads };
}

/** A server of the command line, whose upstream's contract is in a file. */
class ReloadedServer implements AsyncDisposable {
  readonly target: SealwireTarget;
  readonly #contract: string;
  readonly #folder: string;
  readonly #child: ReturnType<typeof spawnServer>;
  readonly #reloaded: AsyncIterator<string>;
  #version = 0;

  private constructor(made: {
    readonly target: SealwireTarget;
    readonly contract: string;
    readonly folder: string;
    readonly child: ReturnType<typeof spawnServer>;
  }) {
    this.target = made.target;
    this.#contract = made.contract;
    this.#folder = made.folder;
    this.#child = made.child;
    this.#reloaded = createInterface({ input: made.child.stderr })[Symbol.asyncIterator]();
  }

  static async start(upstream: string, cores: string | undefined): Promise<ReloadedServer> {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
    chmodSync(folder, 0o700);
    const context = { nowMs: Date.now(), random: systemRandom };
    const limits = { callsPerSecond: MILLION, burst: MILLION, callsInFlight: MILLION };
    const client = { clientId: "alice", tools: ["*"], limits };
    const { document, keyId } = addKey(newKeyRing("bench", context), client, context);
    await createRingFile(dataFolder(folder).keyRing, document);
    const [plain, contract] = [join(folder, "plain.binpb"), join(folder, "many.binpb")];
    writeFileSync(plain, builtinDescriptorSet());
    writeFileSync(contract, manyTools(TOOLS, 0));
    const upstreams = {
      plain: { address: upstream, descriptors: plain, services: [PLAIN_SERVICE] },
      many: { address: upstream, descriptors: contract, services: [MANY_SERVICE] },
    };
    const config = join(folder, "server.json");
    writeFileSync(config, JSON.stringify({ upstreams }));
    const child = spawnServer(["--config", config, "--data", folder], cores);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { listening: address } = JSON.parse(String(line)) as { readonly listening: string };
    const key = buildKeyRing(document).find(keyId);
    if (key === undefined) throw new Error("the key is not in the ring");
    const credentials = formatCredentials(credentialsOf(key, { serverId: "bench", address }));
    await untilServing({ address, credentials });
    return new ReloadedServer({ target: { address, credentials }, contract, folder, child });
  }

  /** Changes the contract and resolves when it is in force. */
  async reload(): Promise<void> {
    this.#version += 1;
    const next = `${this.#contract}.next`;
    writeFileSync(next, manyTools(TOOLS, this.#version));
    renameSync(next, this.#contract);
    this.#child.kill("SIGHUP");
    for (;;) {
      const { value, done } = await this.#reloaded.next();
      if (done) throw new Error("the server has ended");
      if (String(value).includes(RELOADED)) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function spawnServer(args: readonly string[], cores: string | undefined) {
  const command = [process.execPath, CLI, "serve", "--listen", "127.0.0.1:0", "--log-level", "info", ...args];
  const [program = "", ...rest] = cores === undefined ? command : ["taskset", "-c", cores, ...command];
  return spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
}
