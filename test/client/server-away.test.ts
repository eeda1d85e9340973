import { SealwireClient } from "../../src/client/client.ts";
import type { ClientOptions, RetryOptions } from "../../src/client/options.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { sumArgs } from "./peers/numbers.ts";

const test = suite("client/server-away");

const QUICK = { initialDelayMs: 1, maxDelayMs: 20 };

/** A server behind a link that can be cut, and a client of it whose retries are counted. */
async function withLink(
  options: Omit<Partial<ClientOptions>, "retry"> & { readonly retry?: RetryOptions; readonly twice?: boolean },
  body: (client: SealwireClient, link: TcpLink, retries: () => number) => Promise<void>,
): Promise<void> {
  await using server = await startServer();
  await using link = await TcpLink.to(Number(server.address.split(":")[1]));
  let retries = 0;
  const there = `127.0.0.1:${link.port}`;
  await using client = new SealwireClient({
    credentials: server.credentials(),
    address: options.twice === true ? [there, there] : there,
    logger: {
      ...silentLogger,
      debug: ({ delayMs }: { readonly delayMs?: number }) => {
        if (delayMs !== undefined) retries += 1;
      },
    },
    pipeline: options.pipeline ?? false,
    retry: { ...QUICK, ...options.retry },
  });
  await body(client, link, () => retries);
  client.close();
}

for (const [name, options] of [
  ["", {}],
  [" over one stream", { pipeline: true }],
  [" at several addresses", { twice: true }],
] as const) {
  test(`a call outlasts a server that is away${name}, however many attempts that takes`, () =>
    withLink(options, async (client, link, retries) => {
      const open = link.cut();
      const call = client.call("batch_sum", sumArgs);
      await eventually("the client tries for longer than its attempts", () => retries() > 10);
      await open();
      assert.ok((await call).ok);
    }));
}

test("a call gives up a server that stays away with its time, and says that it has not begun", () =>
  withLink({}, async (client, link) => {
    link.cut();
    const { message } = await rejection("UNREACHABLE", client.call("batch_sum", sumArgs, { timeoutMs: 300 }));
    assert.match(message, /^No server took the request \(UNAVAILABLE: no connection to .*ECONNREFUSED/);
    assert.match(message, /\nCheck the address and that the server runs\.$/);
    assert.not.match(message, "may have taken effect");
  }));

test("what was lost on the way stays in doubt, whatever came afterwards", () =>
  withLink({}, async (client, link, retries) => {
    await client.call("batch_sum", sumArgs);
    link.strand();
    const call = client.call("batch_sum", sumArgs, { timeoutMs: 3_000 });
    await new Promise((resolve) => setImmediate(resolve));
    link.cut();
    const { message } = await rejection("UNREACHABLE", call);
    assert.ok(retries() > 1);
    assert.match(message, /^No server took the request[^\n]*\n[^\n]*the call may have taken effect\.$/);
  }));

test("how long a server that is away is waited for, and whether at all, is an option", async () => {
  for (const [retry, most] of [
    [{ unreachableForMs: 0, maxAttempts: 3 }, 2],
    [{ maxAttempts: 1 }, 0],
  ] as const) {
    await withLink({ retry }, async (client, link, retries) => {
      link.cut();
      await rejection("UNREACHABLE", client.call("batch_sum", sumArgs));
      assert.is(retries(), most);
    });
  }
});

test("a health check has no request to talk about", () =>
  withLink({}, async (client, link) => {
    link.cut();
    const error = await rejection("UNREACHABLE", client.health());
    assert.match(error.message, /^The health service does not answer .*ECONNREFUSED/);
    assert.not.match(`${error.message} ${error.remedy}`, /request|effect/);
  }));

test.run();
