import { once } from "node:events";
import { connect } from "node:net";
import { Gauge, Registry } from "prom-client";
import { Exemplars } from "../../../src/server/metrics/exemplars.ts";
import { serveMetrics } from "../../../src/server/metrics/metrics-endpoint.ts";
import { send } from "../../console/http-client.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("server/metrics/metrics-endpoint");

/** An endpoint with a metric that says how often it was read. */
async function endpoint(
  isPublic = false,
): Promise<AsyncDisposable & { url: string; reads(): number; clock: FakeClock }> {
  const registry = new Registry();
  const clock = new FakeClock();
  let reads = 0;
  new Gauge({
    name: "reads",
    help: "Reads.",
    registers: [registry],
    collect() {
      reads += 1;
      this.set(reads);
    },
  });
  const exemplars = new Exemplars("none", "none", []);
  const served = await serveMetrics({ registry, exemplars, clock }, { address: "127.0.0.1:0", isPublic });
  return {
    ...{ url: `http://${served.address}/metrics`, clock, reads: () => reads },
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

test("a page whose name was made to lead to this machine reads no metrics", async () => {
  await using served = await endpoint();
  await using open = await endpoint(true);
  const ask = async (url: string, host: string) => (await send(url, { headers: { host } })).status;
  for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "169.254.1.1"]) {
    assert.is(await ask(served.url, host), 403, host);
    assert.is(await ask(open.url, host), 200, host);
  }
  for (const host of ["127.0.0.1", "localhost:1234", "[::1]:9464"]) assert.is(await ask(served.url, host), 200, host);
});

test("those who scrape all the time get the last metrics again", async () => {
  await using served = await endpoint();
  for (let n = 0; n < 200; n += 1) assert.is((await send(served.url)).status, 200);
  assert.ok(served.reads() <= 21, String(served.reads()));
  const reads = served.reads();
  served.clock.advance(200);
  assert.match((await send(served.url)).text, new RegExp(`^reads ${reads + 1}$`, "m"));
});

test("a peer that sends half of a request does not delay the end", async () => {
  const served = await endpoint();
  const { hostname, port } = new URL(served.url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  await once(socket, "connect");
  socket.write("GET /metrics HTTP/1.1\r\nhost: ");
  const closed = new Promise((resolve) => socket.resume().once("close", resolve));
  await served[Symbol.asyncDispose]();
  await closed;
});

test.run();
