import type { Page } from "playwright-core";
import { eventually } from "../../support/eventually.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { hide, rowsAre, Shop } from "./shop.ts";

const test = suiteWith(["chromium"], "interop/console/live");

let shop: Shop;

test.before(async () => {
  shop = await Shop.open();
});

test.after(() => shop?.[Symbol.asyncDispose]());

const isStream = (request: { url(): string }): boolean => request.url().includes("/api/stream");

test("a page shows what happens without being loaded again", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/jobs?tool=export_orders&state=RUNNING");
  await rowsAre(page, "Jobs", 1);
  const loads = watched.requests.length;
  await shop.console.client("shop").call("export_orders", { numbers: [2] });
  await rowsAre(page, "Jobs", 2);
  assert.is(watched.requests.length, loads);
  watched.check();
});

test("a job shows its progress as it goes, and its end", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.console.client("shop").call("pack_boxes", { numbers: [1] });
  const { jobs } = await shop.console.store.operator.jobs({ states: [], tool: "pack_boxes", pageSize: 1 });
  const jobId = jobs[0]?.jobId ?? "";
  await shop.visit(watched, `/jobs/${jobId}`);
  const packed = async (): Promise<number> => Number(await page.locator("progress").getAttribute("value"));
  await page.locator("progress").waitFor();
  const first = await packed();
  await eventually("more boxes are packed", async () => (await packed()) > first);
  await shop.console.store.operator.cancel(jobId);
  await page.getByRole("main").getByText("cancelled").first().waitFor();
  watched.check();
});

test("who pauses a page stops its stream, and sees what is new when it goes on", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/jobs?tool=export_orders");
  const region = page.getByRole("region", { name: "Jobs" });
  const before = await region.locator("tbody tr").count();
  const ended = page.waitForEvent("requestfailed", isStream);
  await page.getByRole("button", { name: "Live" }).click();
  await ended;
  assert.is(await page.getByRole("button", { name: "Paused" }).getAttribute("aria-pressed"), "true");
  const streams = watched.requests.filter((url) => url.includes("/api/stream")).length;
  await shop.console.client("shop").call("export_orders", { numbers: [3] });
  await page.evaluate(hide(true));
  await page.evaluate(hide(false));
  assert.is(watched.requests.filter((url) => url.includes("/api/stream")).length, streams);
  assert.is(await region.locator("tbody tr").count(), before);
  // What is opened meanwhile is read once.
  const endedAgain = page.waitForEvent("requestfailed", isStream);
  await page.getByRole("checkbox", { name: "running" }).check();
  await rowsAre(page, "Jobs", before + 1);
  await endedAgain;
  await page.getByRole("button", { name: "Paused" }).click();
  await shop.console.client("shop").call("export_orders", { numbers: [4] });
  await rowsAre(page, "Jobs", before + 2);
  watched.check();
});

test("a page rests while it is hidden", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/jobs");
  const ended = page.waitForEvent("requestfailed", isStream);
  await page.evaluate(hide(true));
  await ended;
  const again = page.waitForRequest(isStream);
  await page.evaluate(hide(false));
  await again;
  watched.check();
});

test("rows that come and go leave the focus where it was", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/jobs");
  const rows = page.getByRole("region", { name: "Jobs" }).locator("tbody tr");
  const before = await rows.count();
  await rows.first().getByRole("link").focus();
  const href = await focused(page, "getAttribute('href')");
  await shop.console.client("shop").call("render_invoice", { numbers: [0] });
  await rowsAre(page, "Jobs", before + 1);
  assert.is(await focused(page, "getAttribute('href')"), href);
  watched.check();
});

test("when the element with the focus goes, what is around it gets the focus", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/keys");
  const row = page.getByRole("row", { name: "reports" });
  await row.getByRole("button", { name: /^Revoke/ }).click();
  await page.getByRole("button", { name: "Revoke the key" }).click();
  await row.waitFor({ state: "detached" });
  await eventually("the table has the focus", async () => (await focused(page, "ariaLabel")) === "Keys");
  watched.check();
});

test("the back button shows what was chosen before, and closes a question", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/jobs");
  const since = page.getByLabel("Created in");
  await since.selectOption("1h");
  await page.waitForURL("**/jobs?since=1h");
  await page.getByRole("checkbox", { name: "failed" }).check();
  await page.waitForURL("**/jobs?state=FAILED&since=1h");
  await page.goBack();
  assert.is(await page.getByRole("checkbox", { name: "failed" }).isChecked(), false);
  assert.is(await since.inputValue(), "1h");
  await page.goBack();
  assert.is(await since.inputValue(), "");
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  await page
    .getByRole("button", { name: /^Revoke/ })
    .first()
    .click();
  await page.getByRole("dialog").waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  assert.is(await page.getByRole("dialog").count(), 0);
  await page.goForward();
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  assert.is(await page.getByRole("dialog").count(), 0);
  watched.check();
});

test("times are counted by the clock of the server", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await page.addInitScript("const real = Date.now; Date.now = () => real() + 7 * 3_600_000;");
  await shop.visit(watched, "/jobs");
  const created = page.getByRole("region", { name: "Jobs" }).locator("tbody tr").first().locator("time");
  await created.waitFor();
  assert.match(await created.innerText(), /^(now|\d+ s ago|[1-9] min ago)$/);
  watched.check();
});

async function focused(page: Page, member: string): Promise<string | null> {
  return (await page.evaluate(`document.activeElement.${member}`)) as string | null;
}

test.run();
