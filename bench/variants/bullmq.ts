import { Queue, QueueEvents, Worker } from "bullmq";
import { ClientLoad } from "../load/client-load.ts";
import { type AppendFsync, startRedis } from "../peers/redis.ts";
import type { Variant } from "./variant.ts";
import { NUMBERS } from "./work.ts";

const QUEUE = "bench";

/** Jobs accepted by BullMQ: `add` resolves once Redis has them. */
export function bullmqAccepts(appendfsync: AppendFsync): Variant<string> {
  return {
    title: `BullMQ on Redis, appendfsync ${appendfsync}`,

    async serve() {
      const redis = await startRedis(appendfsync);
      return { target: redis.path, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
    },

    async connect(path) {
      const queue = new Queue(QUEUE, { connection: { path } });
      const add = async (): Promise<void> => {
        const { id } = await queue.add("empty", { numbers: NUMBERS }, { removeOnComplete: true });
        if (id === undefined) throw new Error("the job has no id");
      };
      return new ClientLoad(add, () => void queue.close());
    },
  };
}

/** Empty jobs of BullMQ, from `add` until the caller is notified of the end. */
export function bullmqDone(appendfsync: AppendFsync): Variant<string> {
  return {
    title: `BullMQ on Redis, appendfsync ${appendfsync}`,

    async serve() {
      const redis = await startRedis(appendfsync);
      const worker = new Worker(QUEUE, async () => 1, { connection: { path: redis.path }, concurrency: 16 });
      await worker.waitUntilReady();
      return {
        target: redis.path,
        async [Symbol.asyncDispose]() {
          await worker.close(true);
          await redis[Symbol.asyncDispose]();
        },
      };
    },

    async connect(path) {
      const queue = new Queue(QUEUE, { connection: { path } });
      const events = new QueueEvents(QUEUE, { connection: { path } });
      await events.waitUntilReady();
      const run = async (): Promise<void> => {
        const job = await queue.add("empty", { numbers: NUMBERS });
        if ((await job.waitUntilFinished(events, 10_000)) !== 1) throw new Error("the job gave something else");
      };
      return new ClientLoad(run, () => {
        void queue.close();
        void events.close();
      });
    },
  };
}
