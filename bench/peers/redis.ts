import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findRedis } from "./find-redis.ts";

/** When Redis makes its log durable: before it answers, or within a second. */
export type AppendFsync = "always" | "everysec";

/** Starts a redis-server on a unix socket in a temporary folder. It ends with this process. */
export async function startRedis(appendfsync: AppendFsync): Promise<{ readonly path: string } & AsyncDisposable> {
  const program = findRedis();
  if (program === undefined) throw new Error("Redis is not installed: there is no redis-server");
  const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-redis-"));
  const path = join(folder, "redis.sock");
  const settings = {
    port: "0",
    unixsocket: path,
    dir: folder,
    appendonly: "yes",
    appendfsync,
    save: "",
    // Required by BullMQ.
    "maxmemory-policy": "noeviction",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const redis = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(redis, "exit");
  process.once("exit", () => redis.kill("SIGKILL"));
  const failed = once(redis, "error").then(([error]) => Promise.reject(error));
  await Promise.race([failed, untilThere(path)]);
  return {
    path,
    async [Symbol.asyncDispose]() {
      redis.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilThere(path: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (existsSync(path)) return;
    await sleep(50);
  }
  throw new Error("redis-server did not start within 10 s");
}
