import { join } from "node:path";
import { createServer } from "../../../../src/server/server.ts";
import { writeCredentials } from "../../../../src/signing/key-ring/credentials.ts";
import { demoTools } from "../../../../src/tools/demo-tools.ts";
import { startServer } from "../../../support/running-server.ts";
import { assert } from "../../../support/suite.ts";
import { TcpLink } from "../../../support/tcp-link.ts";
import { beginCall, type ClientCase, checkSum, MAIN, START_LONG_TASK, withChannel } from "../client-case.ts";

const CALLS = 400;

/** Servers that go away while calls are made. */
export const serverCases: readonly ClientCase[] = [
  {
    name: "no call fails while the server drains and is started again",
    async run({ agent, server }) {
      const many = agent.begin("many", { channel: MAIN, count: CALLS * 5, concurrency: 4 });
      await server.restart();
      const { equal } = await many.answer;
      assert.is(equal, CALLS * 5, JSON.stringify(many.events));
    },
  },
  {
    name: "of two servers one is killed, and calls and jobs go on at the other",
    async run({ agent, folder }) {
      await using first = await startServer();
      const second = await createServer({ keyRing: first.keyRing, store: first.store, tools: [demoTools()] });
      const { address } = await second.listen("127.0.0.1:0");
      await using one = await TcpLink.to(portOf(first.address));
      await using other = await TcpLink.to(portOf(address));
      const credentials = join(folder, "two.json");
      const addresses = [one, other].map(({ port }) => `127.0.0.1:${port}`).join(", ");
      await writeCredentials(credentials, { ...first.credentials(), address: addresses });
      try {
        await withChannel(agent, { credentials }, async (channel) => {
          await checkSum(agent, { channel });
          const job = beginCall(agent, START_LONG_TASK, { seconds: 3 }, { channel });
          for (const link of [one, other]) {
            const many = agent.begin("many", { channel, count: CALLS, concurrency: 4 });
            const reopen = link.cut();
            const { equal } = await many.answer;
            assert.is(equal, CALLS, JSON.stringify(many.events));
            await reopen();
          }
          assert.is((await job.answer).status, "OK", JSON.stringify(await job.answer));
        });
      } finally {
        await second.drain(0);
      }
    },
  },
];

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
