import { startOperatedConsole } from "../../console/operated-console.ts";
import { eventually } from "../../support/eventually.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { startBrowser, WatchedPage } from "./browser.ts";
import { isWanted, screenshot } from "./screenshots.ts";

/*
 * Shows what the pages of docs/console.md show. With SEALWIRE_SCREENSHOTS=overview,jobs,job,tool it writes their pictures,
 * that of the overview after two minutes of traffic, so that the charts have something to show.
 */
const test = suiteWith(["chromium"], "interop/console/pictures");

const TRAFFIC_MS = isWanted("overview") ? 120_000 : 0;

test("the overview, a job and the form of a tool", async () => {
  await using browser = await startBrowser();
  await using console = await startOperatedConsole({ clients: ["shop", "warehouse", "reports"] });
  const shop = console.client("shop");
  const warehouse = console.client("warehouse");
  for (let index = 0; index < 24; index += 1) {
    await shop.call("render_invoice", { numbers: [index % 7 === 3 ? 9 : index % 4 === 1 ? 1 : 0] });
    await shop.call("quote_price", { numbers: [1, 2] });
  }
  for (let index = 0; index < 3; index += 1) await warehouse.call("export_orders", { numbers: [index] });
  for (const end = Date.now() + TRAFFIC_MS; Date.now() < end; ) {
    const height = 12 + 10 * Math.sin(Date.now() / 9_000);
    for (let calls = 0; calls < height; calls += 1) await shop.call("quote_price", { numbers: [1, 2] });
    if (Math.sin(Date.now() / 5_000) > 0.7) await warehouse.call("reserve_stock", { numbers: [-1] }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await eventually("the invoices have ended", async () => {
    const { byState } = await console.store.jobs.stats();
    return byState.SUCCEEDED + byState.FAILED === 24;
  });
  await using watched = await WatchedPage.open(browser);
  const { page } = watched;
  await page.goto(console.url);
  await page.locator(".live-data").waitFor();
  await screenshot(watched, { name: "overview", height: 760, schemes: ["light", "dark"] });
  await page.goto(`${console.origin}/jobs`);
  await page.getByRole("region", { name: "Jobs" }).waitFor();
  await screenshot(watched, { name: "jobs", height: 540, schemes: ["light", "dark"] });
  const { jobs } = await console.store.operator.jobs({ states: ["FAILED"], pageSize: 1 });
  await page.goto(`${console.origin}/jobs/${jobs[0]?.jobId}`);
  await page.getByRole("region", { name: "Attempts" }).waitFor();
  await screenshot(watched, { name: "job", height: 760, schemes: ["light"] });
  await page.goto(`${console.origin}/tools/start_long_task`);
  await page.getByText("The arguments keep all rules").waitFor();
  await screenshot(watched, { name: "tool", height: 760, schemes: ["light"], from: "Arguments" });
  assert.equal(watched.problems, []);
});

test.run();
