import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SealwireClient } from "../../src/client/client.ts";
import { SealwireClient as Client } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import type { CallObserver } from "../../src/server/request/access-log.ts";
import { createServer } from "../../src/server/server.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { CALL_METHOD, CALL_STREAM_METHOD, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { thrownBy } from "../client/peers/thrown.ts";
import { eventually } from "../support/eventually.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";

const test = suite("e2e/pipeline");

const MODES = [false, true, "auto"] as const;
const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Counts the calls of a server by the RPC that they came by, and how they ended. */
class Counts implements CallObserver {
  readonly ended = new Map<string, number>();
  readonly codes = new Map<number, number>();

  callStarted(): void {}

  callEnded({ method }: { readonly method: string }, code: number): void {
    this.ended.set(method, (this.ended.get(method) ?? 0) + 1);
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  get streamed(): number {
    return this.ended.get(CALL_STREAM_METHOD) ?? 0;
  }

  get single(): number {
    return this.ended.get(CALL_METHOD) ?? 0;
  }
}

/** Holds its calls until their signals abort. */
class Holding {
  readonly traces = new Map<number, string | undefined>();
  readonly aborted = new Map<number, string>();
  readonly service = testService({
    Hold: {
      idempotent: true,
      run: ([number = 0], { signal, traceparent }) => {
        this.traces.set(number, traceparent);
        return new Promise((resolve) =>
          signal.addEventListener("abort", () => {
            this.aborted.set(number, signal.reason.reason);
            resolve(number);
          }),
        );
      },
    },
    Give: { idempotent: true, run: ([number = 0]) => number },
  });
}

const args = (number: number) => ({ typeUrl: `${TYPE_URL_PREFIX}${TEST_INPUT}`, value: testArgs(number) });
const give = (client: SealwireClient, number = 0) => client.call("give", args(number));

interface Setting {
  readonly server: TestServer;
  readonly client: SealwireClient;
  readonly holding: Holding;
  readonly counts: Counts;
}

/** Runs `body` with a server and a client that has made its first calls. */
async function withServer(
  pipeline: ClientOptions["pipeline"] & {},
  body: (setting: Setting) => Promise<void>,
  options: { readonly listen?: string } = {},
): Promise<void> {
  const holding = new Holding();
  const counts = new Counts();
  const { tools, descriptors } = holding.service;
  await using server = await startServer({
    ...options,
    tools: [demoTools(), tools],
    descriptors: [descriptors],
    observers: [counts],
  });
  await using client = new Client({ credentials: server.credentials(), pipeline });
  await give(client);
  // The second opens the stream, where there is to be one.
  const isSettled = () => (pipeline === false ? counts.single > 2 : counts.streamed > 2);
  await eventually("calls go the way that they will", async () => {
    await give(client);
    return isSettled();
  });
  await body({ server, client, holding, counts });
}

for (const pipeline of MODES) {
  const how = `(pipeline: ${pipeline})`;

  test(`giving a call up aborts the signal of its handler ${how}`, async () => {
    await withServer(pipeline, async ({ client, holding, counts }) => {
      const giveUp = new AbortController();
      const call = client.call("hold", args(1), { signal: giveUp.signal });
      await eventually("it has begun", () => holding.traces.has(1));
      giveUp.abort(new Error("enough"));
      assert.is(await call.catch((error: Error) => error.message), "enough");
      await eventually("the handler is told", () => holding.aborted.get(1) === "CANCELLED");
      await give(client);
      assert.is(counts.streamed > 0, pipeline !== false);
    });
  });

  test(`a call's time limit aborts the signal of its handler ${how}`, async () => {
    await withServer(pipeline, async ({ client, holding }) => {
      const error = await thrownBy(() => client.call("hold", args(1), { timeoutMs: 300 }));
      assert.is(error.reason, "DEADLINE_EXCEEDED");
      await eventually("the handler is told", () => holding.aborted.has(1));
    });
  });

  test(`a call's trace context reaches its handler ${how}`, async () => {
    await withServer(pipeline, async ({ client, holding }) => {
      const giveUp = new AbortController();
      const calls = [1, 2].map((number) =>
        client
          .call("hold", args(number), { signal: giveUp.signal, ...(number === 1 && { traceparent: TRACE }) })
          .catch(() => {}),
      );
      await eventually("both have begun", () => holding.traces.size === 2);
      assert.equal([holding.traces.get(1), holding.traces.get(2)], [TRACE, undefined]);
      giveUp.abort();
      await Promise.all(calls);
    });
  });

  test(`two hundred calls at once are all answered ${how}`, async () => {
    await withServer(pipeline, async ({ client, counts }) => {
      const before = counts.streamed;
      await Promise.all(Array.from({ length: 200 }, (_, i) => give(client, i)));
      const streamed = counts.streamed - before;
      if (pipeline === "auto") assert.ok(streamed >= 64 && streamed <= 200);
      else assert.is(streamed, pipeline ? 200 : 0);
    });
  });

  test(`no call fails when servers are drained one after the other ${how}`, async () => {
    const counts = new Counts();
    const { tools, descriptors } = new Holding().service;
    await using first = await startServer({ work: false });
    const start = async (listen = "127.0.0.1:0") => {
      const server = await createServer({
        keyRing: first.keyRing,
        store: first.store,
        tools: [tools],
        descriptors: [descriptors],
        observers: [counts],
      });
      return { server, ...(await server.listen(listen)) };
    };
    const replicas = [await start(), await start()];
    await using client = new Client({
      credentials: first.credentials(),
      address: replicas.map(({ address }) => address),
      healthIntervalMs: 100,
      pipeline,
    });
    let isOver = false;
    let answered = 0;
    const callers = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await give(client);
        answered += 1;
      }
    });
    const more = async (): Promise<void> => {
      const goal = answered + 200;
      await eventually("200 more calls", () => answered >= goal);
    };
    for (const [index, replica] of replicas.entries()) {
      await more();
      await replica.server.drain(10_000);
      replicas[index] = await start(replica.address);
    }
    await more();
    isOver = true;
    await Promise.all(callers);
    if (pipeline !== false) assert.ok(counts.streamed > answered / 4, `${counts.streamed} of ${answered} over streams`);
    for (const { server } of replicas) await server.drain(0);
  });

  test(`calls over a unix socket are answered ${how}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-"));
    await withServer(pipeline, ({ client }) => give(client).then(() => {}), { listen: `unix:${join(folder, "s")}` });
    await rm(folder, { recursive: true });
  });
}

test("behind a TCP proxy, which has a port of its own, every call is a request", async () => {
  const counts = new Counts();
  await using server = await startServer({ observers: [counts] });
  await using link = await TcpLink.to(Number(server.address.split(":").at(-1)));
  await using client = new Client({ credentials: server.credentials(), address: `127.0.0.1:${link.port}` });
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 10 }, () => client.identity()));
  }
  assert.equal([counts.single, counts.streamed], [200, 0]);
});

test("clients of one key beyond its number of streams make their calls by requests", async () => {
  const counts = new Counts();
  await using server = await startServer({ observers: [counts], limits: { callStreamsPerKeyMax: 1 } });
  await using first = new Client({ credentials: server.credentials() });
  await eventually("the first has the stream", async () => {
    await first.identity();
    return counts.streamed > 0;
  });
  await using second = new Client({ credentials: server.credentials(), retry: { maxAttempts: 1 } });
  await eventually("the second was refused a stream", async () => {
    await Promise.all([first.identity(), second.identity()]);
    return counts.codes.has(8);
  });
  for (let i = 0; i < 20; i += 1) await Promise.all([first.identity(), second.identity(), second.identity()]);
});

test.run();
