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
const PEAK_MEMORY = join(import.meta.dirname, "..", "process", "peak-memory.mjs");
const BATCH_SUM = { typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumRequest", value: ARGS };

/** What one launch showed: times in milliseconds, memory in KiB. */
interface Launch {
  readonly firstAnswerMs: number;
  readonly firstCallMs: number;
  readonly secondCallMs: number;
  readonly servePeakKiB: number;
  readonly callMs: number;
  readonly callPeakKiB: number;
  readonly versionMs: number;
  readonly versionPeakKiB: number;
}

/** How soon a server answers after its launch, and what the command line takes; both as `npm run build` makes them. */
export const start: Bench = {
  title: "Start",
  async run({ rounds, progress }) {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
    const launches: Launch[] = [];
    try {
      // The first launch makes keys and a store, and is not counted.
      await launch(folder);
      for (let round = 0; round < rounds; round++) {
        progress(`launch ${round + 1} of ${rounds}`);
        launches.push(await launch(folder));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const row = (name: string, time: keyof Launch, peak?: keyof Launch): Cell[] => [
      name,
      median(launches.map((each) => each[time])),
      peak === undefined ? "" : median(launches.map((each) => each[peak])) / 1024,
    ];
    return {
      settings: `${rounds} launches, on all cores`,
      tables: [
        {
          title: "Wall time and memory",
          columns: ["", "wall time (ms)", "most memory (MiB)"],
          rows: [
            row("`sealwire serve --dev`, from launch to the first answer", "firstAnswerMs", "servePeakKiB"),
            row("the first call in it, connecting included", "firstCallMs"),
            row("the second call", "secondCallMs"),
            row("`sealwire --version`", "versionMs", "versionPeakKiB"),
            row("`sealwire call batch_sum`", "callMs", "callPeakKiB"),
          ],
        },
      ],
      raw: launches,
    };
  },
};

async function launch(folder: string): Promise<Launch> {
  const version = await run(folder, ["--version"]);
  const peakFile = join(folder, "serve.peak");
  const startMs = performance.now();
  const server = spawnCli(folder, ["serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "error"], peakFile);
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
    server.kill("SIGTERM");
    await once(server, "exit");
    return {
      firstAnswerMs: firstMs - startMs,
      firstCallMs: firstMs - connectMs,
      secondCallMs: secondMs - firstMs,
      servePeakKiB: Number(readFileSync(peakFile)),
      callMs: call.tookMs,
      callPeakKiB: call.peakKiB,
      versionMs: version.tookMs,
      versionPeakKiB: version.peakKiB,
    };
  } finally {
    server.kill("SIGKILL");
  }
}

async function run(folder: string, args: readonly string[]): Promise<{ tookMs: number; peakKiB: number }> {
  const peakFile = join(folder, "cli.peak");
  const startMs = performance.now();
  const child = spawnCli(folder, args, peakFile);
  child.stdout.resume();
  const [code] = (await once(child, "exit")) as [number | null];
  const tookMs = performance.now() - startMs;
  if (code !== 0) throw new Error(`sealwire ${args[0]} ended with ${code}`);
  return { tookMs, peakKiB: Number(readFileSync(peakFile)) };
}

function spawnCli(folder: string, args: readonly string[], peakFile: string) {
  return spawn(process.execPath, ["--import", PEAK_MEMORY, CLI, ...args], {
    cwd: folder,
    env: { ...process.env, PEAK_MEMORY_FILE: peakFile },
    stdio: ["ignore", "pipe", "inherit"],
  });
}
