import { PgBoss } from "pg-boss";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { ClientLoad } from "../load/client-load.ts";
import type { Variant } from "./variant.ts";
import { NUMBERS } from "./work.ts";

const QUEUE = "bench";
const CONNECTIONS = 64;

/** Jobs accepted by pg-boss: one `send` each, and one connection per caller. */
export const pgBossAccepts: Variant<string> = {
  title: "pg-boss on PostgreSQL",

  async serve() {
    const postgres = await PostgresServer.start({ synced: true });
    const url = postgres.url();
    const boss = new PgBoss(url);
    await boss.start();
    await boss.createQueue(QUEUE);
    await boss.stop();
    return { target: url, [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose]() };
  },

  async connect(url) {
    const boss = new PgBoss({ connectionString: url, max: CONNECTIONS, supervise: false, schedule: false });
    boss.on("error", (error) => console.error(error));
    await boss.start();
    const send = async (): Promise<void> => {
      if ((await boss.send(QUEUE, { numbers: NUMBERS })) === null) throw new Error("the job has no id");
    };
    return new ClientLoad(send, () => void boss.stop({ graceful: false }));
  },
};
