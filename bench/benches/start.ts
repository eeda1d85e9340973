import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealwireClient } from "../../src/client/client.ts";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import type { Bench, Cell } from "../report/result.ts";
import { median } from "../report/statistics.ts";
import { ARGS } from "../variants/work.ts";

const CLI = join(import.meta.dirname, "..", "..", "dist", "src", "cli", "main.js");
const OWN_USAGE = join(import.meta.dirname, "..", "process", "own-usage.mjs");
const BATCH_SUM = { typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumRequest", value: ARGS };

/** The resource usage of a process. */
interface Taken {
  readonly tookMs: number;
  readonly cpuUs: number;
  readonly peakKiB: number;
}

/** The result of one launch. */
interface Launch {
  /** Wall time until the first answer; CPU time and memory of the server's whole lifetime. */
  readonly serve: Taken;
  readonly firstCallMs: number;
  readonly secondCallMs: number;
  readonly version: Taken;
  readonly call: Taken;
  readonly health: Taken;
}

/** The start-up time of a server, and the cost of the command line, both built by `npm run build`. */
export const start: Bench = {
  title: "Start",
  async run({ rounds, progress }) {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
    const launches: Launch[] = [];
    try {
      // The first launch creates keys and a store and is not counted.
      await launch(folder);
      for (let round = 0; round < rounds; round++) {
        progress(`launch ${round + 1} of ${rounds}`);
        launches.push(await launch(folder));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const of = (figure: (each: Launch) => number): number => median(launches.map(figure));
    const wait = (name: string, which: "firstCallMs" | "secondCallMs"): Cell[] => [
      name,
      of((each) => each[which]),
      "",
      "",
    ];
    const run = (name: string, command: "serve" | "version" | "call" | "health"): Cell[] => [
      name,
      of((each) => each[command].tookMs),
      command === "serve" ? "" : of((each) => each[command].cpuUs) / 1000,
      of((each) => each[command].peakKiB) / 1024,
    ];
    return {
      settings: `${rounds} launches, on all cores`,
      tables: [
        {
          title: "Wall time, processor time and memory",
          columns: ["", "wall time (ms)", "processor time (ms)", "most memory (MiB)"],
          rows: [
            run("`sealwire serve --dev`, from launch to the first answer", "serve"),
            wait("the first call in it, connecting included", "firstCallMs"),
            wait("the second call", "secondCallMs"),
            run("`sealwire --version`", "version"),
            run("`sealwire call batch_sum`", "call"),
            run("`sealwire health`", "health"),
          ],
        },
      ],
      raw: launches,
    };
  },
};

async function launch(folder: string): Promise<Launch> {
  const version = await run(folder, ["--version"]);
  const usageFile = join(folder, "serve.usage");
  const startMs = performance.now();
  const server = spawnCli(folder, ["serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "error"], usageFile);
  try {
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const { listening: address } = JSON.parse(String(line)) as { readonly listening: string };
    const credentials = await readCredentials(join(folder, ".sealwire", "client.json"));
    await using client = new SealwireClient({ credentials, address });
    const connectMs = performance.now();
    await client.call("batch_sum", BATCH_SUM);
    const firstMs = performance.now();
    await client.call("batch_sum", BATCH_SUM);
    const secondMs = performance.now();
    const call = await run(folder, ["call", "batch_sum", '{"numbers": [1, 2, 3.5]}', "--address", address]);
    const health = await run(folder, ["health", "--address", address]);
    server.kill("SIGTERM");
    await once(server, "exit");
    return {
      serve: { tookMs: firstMs - startMs, ...readUsage(usageFile) },
      firstCallMs: firstMs - connectMs,
      secondCallMs: secondMs - firstMs,
      version,
      call,
      health,
    };
  } finally {
    server.kill("SIGKILL");
  }
}

async function run(folder: string, args: readonly string[]): Promise<Taken> {
  const usageFile = join(folder, "cli.usage");
  const startMs = performance.now();
  const child = spawnCli(folder, args, usageFile);
  child.stdout.resume();
  const [code] = (await once(child, "exit")) as [number | null];
  const tookMs = performance.now() - startMs;
  if (code !== 0) throw new Error(`sealwire ${args[0]} ended with ${code}`);
  return { tookMs, ...readUsage(usageFile) };
}

function readUsage(file: string): Omit<Taken, "tookMs"> {
  return JSON.parse(readFileSync(file, "utf8"));
}

function spawnCli(folder: string, args: readonly string[], usageFile: string) {
  return spawn(process.execPath, ["--import", OWN_USAGE, CLI, ...args], {
    cwd: folder,
    env: { ...process.env, USAGE_FILE: usageFile },
    stdio: ["ignore", "pipe", "inherit"],
  });
}
