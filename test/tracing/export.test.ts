import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openTelemetry } from "../../src/cli/telemetry/open-telemetry.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { type Logger, silentLogger } from "../../src/runtime/logger.ts";
import { CliServer } from "../cli/cli-process.ts";
import { inFolder } from "../cli/cli-run.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { startCollector } from "../support/otlp-collector.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { traceProcess } from "./traced.ts";

/* How traces leave the process, and what a collector cannot hold up. */
const test = suite("tracing/export");

/** A logger and its warnings. */
function warnings(): { readonly logger: Logger; readonly warned: readonly string[] } {
  const warned: string[] = [];
  return { warned, logger: { ...silentLogger, warn: (_fields, message = "") => void warned.push(message) } };
}

test("a collector that never answers holds up no call, and the end waits 3 s for it", async () => {
  const clock = new FakeClock();
  await using collector = await startCollector(() => {});
  const log = warnings();
  const traced = await traceProcess({ collector, clock, logger: log.logger });
  await using server = await startServer();
  const client = server.client();
  await client.call("batch_sum", { numbers: [1] });
  await collector.span("the first call", () => true);
  await client.call("batch_sum", { numbers: [2] });
  const ended = traced.flush();
  await eventually("the end waits", () => clock.timers === 1);
  clock.advance(3_000);
  await ended;
  assert.equal(log.warned, ["the last traces could not be sent"]);
});

test("a collector that is away costs spans and a line in the log, no call", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await eventually("it listens", () => closed.listening);
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  process.env.OTEL_EXPORTER_OTLP_TIMEOUT = "100";
  const log = warnings();
  await using collector = await startCollector();
  const traced = await traceProcess({
    collector: { ...collector, endpoint: `http://127.0.0.1:${port}` },
    logger: log.logger,
  });
  await using server = await startServer();
  await server.client().call("batch_sum", { numbers: [1] });
  await eventually("the log tells", () => log.warned.includes("a problem with traces"));
  await traced.flush();
  delete process.env.OTEL_EXPORTER_OTLP_TIMEOUT;
});

test("variables that name nothing known are refused by their names", async () => {
  const refused = async (env: Record<string, string>): Promise<string> => {
    const { message } = await rejection(
      "OPTIONS_INVALID",
      openTelemetry({ env, clock: systemClock, logger: silentLogger }).then(String),
    );
    return message;
  };
  assert.match(await refused({ OTEL_TRACES_SAMPLER: "sometimes" }), "OTEL_TRACES_SAMPLER");
  const ratio = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" };
  assert.match(await refused(ratio), "OTEL_TRACES_SAMPLER_ARG");
  assert.match(await refused({ OTEL_BSP_SCHEDULE_DELAY: "soon" }), "OTEL_BSP_SCHEDULE_DELAY");
  for (const name of ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]) {
    for (const value of ["0", "0.5", "2147483648"]) {
      assert.match(await refused({ [name]: value }), `${name} is "${value}"; it must be a whole number from 1 to`);
    }
  }
  assert.match(await refused({ OTEL_TRACES_EXPORTER: "zipkin" }), "OTEL_TRACES_EXPORTER");
  assert.match(await refused({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }), "OTEL_EXPORTER_OTLP_PROTOCOL");
  for (const value of ["localhost:4318", "http://ann:p4ssword@collector:port", "grpc://collector:4317"]) {
    const message = await refused({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: value });
    assert.match(message, /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL/);
    assert.not.match(message, value);
  }
});

test("a ratio of 0 makes no spans, and a disabled SDK loads nothing", async () => {
  await using traced = await traceProcess({
    env: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
  });
  await using server = await startServer();
  await server.client().call("batch_sum", { numbers: [1] });
  await traced.flush();
  assert.equal(traced.collector.spans, []);
  await using disabled = await traceProcess({ env: { OTEL_SDK_DISABLED: "true", OTEL_TRACES_SAMPLER: "unknown" } });
  await server.client().call("batch_sum", { numbers: [1] });
  await disabled.flush();
  assert.equal(disabled.collector.spans, []);
});

test("serve --otel sends its spans under OTEL_SERVICE_NAME, and its log lines name them", () =>
  inFolder(async (folder) => {
    await using collector = await startCollector();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_SERVICE_NAME: "shop-tools" };
    await using server = await CliServer.start({ folder, env }, "--dev", "--otel");
    const called = await server.run("call", "batch_sum", '{"numbers":[1]}');
    assert.is(called.code, 0, called.stderr);
    server.process.child.kill("SIGTERM");
    assert.is((await server.process.ended).code, 0);
    const tool = collector.spans.find(({ name }) => name === "execute_tool batch_sum");
    assert.is(tool?.resource["service.name"], "shop-tools");
    const lines = server.process.stderr.split("\n").filter((line) => line.includes('"tool":"batch_sum"'));
    const [{ trace_id, span_id }] = lines.map((line) => JSON.parse(line)) as [Record<string, string>];
    assert.equal([trace_id, span_id], [tool?.traceId, tool?.parentId]);
  }));

test.run();
