import { SealwireClient } from "../../src/client/client.ts";
import type { Logger } from "../../src/runtime/logger.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";

/* What a handler reports as progress, through a real job: nothing that it passes can fail the job. */
const test = suite("e2e/progress");

type Report = readonly [completed: unknown, total: unknown, message?: unknown];

const UNTEXT = Object.create(null) as object;
const THROWS = {
  valueOf() {
    throw new Error("no value");
  },
};

const CASES: readonly { what: string; report: Report; shown: Record<string, unknown>; warned: readonly RegExp[] }[] = [
  { what: "counts and a text", report: [3, 4, "rows"], shown: { completed: 3, total: 4, message: "rows" }, warned: [] },
  { what: "no message, an unknown total", report: [3, 0], shown: { completed: 3, total: 0, message: "" }, warned: [] },
  {
    what: "a message that is long, not well-formed and holds what PostgreSQL does not store",
    report: [1, 2, `\ud800\0${"x".repeat(10_000)}`],
    shown: { completed: 1, total: 2, message: `\ufffd\ufffd${"x".repeat(509)}…` },
    warned: [],
  },
  {
    what: "fractions",
    report: [0.5, 0.75],
    shown: { completed: 0, total: 1, message: "" },
    warned: [/completed must be a whole number .*, not 0\.5, and counts as 0/, /total .* not 0\.75, and counts as 1/],
  },
  {
    what: "more than there is",
    report: [50, 10, "x"],
    shown: { completed: 50, total: 0, message: "x" },
    warned: [/total must not be below completed \(50 of 10\), and counts as unknown/],
  },
  {
    what: "numbers that are no counts",
    report: [Number.NaN, -1],
    shown: { completed: 0, total: 0, message: "" },
    warned: [/completed .* not NaN/, /total .* not -1/],
  },
  {
    what: "infinite numbers",
    report: [1, Number.POSITIVE_INFINITY],
    shown: { completed: 1, total: 0, message: "" },
    warned: [/total .* not Infinity/],
  },
  {
    what: "objects",
    report: [THROWS, UNTEXT, { password: "hunter2" }],
    shown: { completed: 0, total: 0, message: "" },
    warned: [/completed .* type object/, /total .* type object/, /message must be a text, not a value of type object/],
  },
  {
    what: "null, a symbol and null",
    report: [null, Symbol("x"), null],
    shown: { completed: 0, total: 0, message: "" },
    warned: [/completed .* not null/, /total .* type symbol/, /message must be a text, not null/],
  },
];

/** Keeps the lines of level warn. */
function recordingLogger(warnings: string[]): Logger {
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    error: (fields, message) => void warnings.push(`ERROR ${message} ${JSON.stringify(fields)}`),
    child: () => logger,
  };
  return logger;
}

for (const { what, report, shown, warned } of CASES) {
  test(`${what}: the job succeeds, shows what can be shown, and the log names what cannot`, async () => {
    const warnings: string[] = [];
    const { tools, descriptors } = testService({
      Work: {
        job: { maxAttempts: 1 },
        run: async (_numbers, { progress }) => {
          const reportAnything = progress as (...args: Report) => void;
          reportAnything(...report);
          reportAnything(...report);
          return 1;
        },
      },
    });
    await using server = await startServer({
      tools: [tools],
      descriptors: [descriptors],
      logger: recordingLogger(warnings),
    });
    await using client = new SealwireClient({ credentials: server.credentials() });
    const { job } = await client.call("work", { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) });
    await client.job(job?.jobId ?? "").result();
    const { state, progress } = await client.job(job?.jobId ?? "").poll();
    assert.is(state, "SUCCEEDED");
    assert.equal({ ...progress }, shown);
    assert.is(warnings.length, warned.length > 0 ? 1 : 0, warnings.join("\n"));
    for (const pattern of warned) assert.match(warnings[0] ?? "", pattern);
    assert.not.match(warnings.join(), "hunter2");
  });
}

test.run();
