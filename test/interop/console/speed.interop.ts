import type { Browser } from "playwright-core";
import { type OperatedConsole, startOperatedConsole } from "../../console/operated-console.ts";
import { spec } from "../../contract/store-under-test.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { auditLines } from "./audit-lines.ts";
import { startBrowser, WatchedPage } from "./browser.ts";

const test = suiteWith(["chromium"], "interop/console/speed");

/** SEALWIRE_FULL=1 looks at ten times as many jobs. */
const JOBS = process.env.SEALWIRE_FULL ? 100_000 : 10_000;
const AT_ONCE = 1_000;
/** Far above what is measured, so that a slow machine does not fail. What is measured is printed. */
const LONGEST_MS = 10_000;

let browser: Browser;
let console: OperatedConsole;

test.before(async () => {
  browser = await startBrowser();
  console = await startOperatedConsole({ audit: auditLines(10_000), work: false });
  for (let first = 0; first < JOBS; first += AT_ONCE) {
    const submits = Array.from({ length: AT_ONCE }, (_, index) =>
      console.store.jobs.submit(
        spec({ owner: `shop-${index % 20}`, requestId: `request-${first + index}`, openJobsMax: JOBS }),
      ),
    );
    await Promise.all(submits);
  }
});

test.after(async () => {
  await browser?.close();
  await console?.[Symbol.asyncDispose]();
});

test(`with ${JOBS} jobs every page is painted and complete soon`, async () => {
  await using watched = await WatchedPage.open(browser);
  const { page } = watched;
  await page.goto(console.url);
  await page.locator(".live-data").waitFor();
  const { jobs } = await console.store.operator.jobs({ states: [], pageSize: 1 });
  const paths = ["/", "/jobs", "/jobs?state=QUEUED&client=shop-1", `/jobs/${jobs[0]?.jobId}`];
  paths.push("/jobs?tool=none", "/tools", "/tools/batch_sum", "/keys", "/audit", "/about");
  const measured: string[] = [];
  for (const path of paths) {
    await page.goto(console.origin + path);
    await page.locator(".live-data").waitFor();
    const [paintMs = Number.NaN, completeMs = Number.NaN] = (await page.evaluate(
      `[performance.getEntriesByName("first-contentful-paint")[0].startTime, performance.now()]`,
    )) as number[];
    measured.push(`${path}: painted after ${Math.round(paintMs)} ms, complete after ${Math.round(completeMs)} ms`);
    assert.ok(paintMs < LONGEST_MS && completeMs < LONGEST_MS, measured.at(-1));
  }
  process.stdout.write(`\n${JOBS} jobs\n${measured.join("\n")}\n`);
  watched.check();
});

test.run();
