import type { Browser, Page } from "playwright-core";
import { type OperatedConsole, startOperatedConsole } from "../../console/operated-console.ts";
import { eventually } from "../../support/eventually.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { auditLines } from "./audit-lines.ts";
import { startBrowser, WatchedPage } from "./browser.ts";

const test = suiteWith(["chromium"], "interop/console/pages");

let browser: Browser;
let console: OperatedConsole;

test.before(async () => {
  browser = await startBrowser();
  console = await startOperatedConsole({ clients: ["shop", "warehouse", "reports"], audit: auditLines(250) });
  const shop = console.client("shop");
  await shop.call("quote_price", { numbers: [1, 2] });
  await console
    .client("warehouse")
    .call("reserve_stock", { numbers: [-1] })
    .catch(() => {});
  for (const failures of [0, 1, 9]) await shop.call("render_invoice", { numbers: [failures] });
  await console.client("warehouse").call("export_orders", { numbers: [1] });
  await eventually("the invoices have ended", async () => (await console.store.jobs.stats()).byState.FAILED === 1);
});

test.after(async () => {
  await browser?.close();
  await console?.[Symbol.asyncDispose]();
});

/** A page whose user has signed in. */
async function signedIn(): Promise<WatchedPage> {
  const watched = await WatchedPage.open(browser);
  await watched.page.goto(console.url);
  await watched.page.getByRole("heading", { name: "Overview" }).waitFor();
  return watched;
}

/** Opens a page of the console, and waits until it shows data. */
async function visit({ page }: WatchedPage, path: string): Promise<void> {
  await page.goto(console.origin + path);
  await page.locator(".live-data").waitFor();
}

async function firstJob(state: string): Promise<string> {
  const { jobs } = await console.store.operator.jobs({ states: [state as "FAILED"], pageSize: 1 });
  return jobs[0]?.jobId ?? "";
}

test("the token of the URL leaves the address, and stays for this tab alone", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  assert.is(page.url(), `${console.origin}/`);
  assert.is(await page.evaluate("document.cookie + localStorage.length"), "0");
  assert.equal(await page.context().cookies(), []);
  await page.reload();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  const other = await page.context().newPage();
  await other.goto(console.origin);
  await other.getByRole("button", { name: "Sign in" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.goto(`${console.origin}/jobs`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  watched.check();
});

test("whoever has the URL can also type it, and a wrong token is refused with a message", async () => {
  await using watched = await WatchedPage.open(browser);
  const { page } = watched;
  await page.goto(`${console.origin}/keys`);
  await page.getByLabel("Token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The token is not known.").waitFor();
  assert.equal(await watched.violations(), []);
  await page.getByLabel("Token").fill(console.url);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  watched.check();
});

const WIDE = { width: 1280, scheme: "light" } as const;
const NARROW = { width: 320, scheme: "dark" } as const;

test("every page keeps the rules for accessibility and the policy, wide and light, narrow and dark", async () => {
  await using watched = await signedIn();
  const paths = ["/", "/jobs", `/jobs/${await firstJob("FAILED")}`, `/jobs/${await firstJob("RUNNING")}`];
  paths.push("/tools?system=show", "/tools/batch_sum", "/tools/start_long_task", "/keys", "/audit", "/about");
  for (const path of paths) {
    await visit(watched, path);
    for (const look of [WIDE, NARROW]) {
      await watched.look(look);
      assert.equal(await watched.violations(), [], `${path} ${look.scheme}`);
      assert.is(await watched.width(), look.width, path);
    }
  }
  watched.check();
});

test("the overview shows calls, reasons, jobs and instances, and each chart has its numbers beside it", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await page.locator(".tile", { hasText: "Running jobs" }).getByText("1", { exact: true }).waitFor();
  for (const name of ["Calls", "Time of a call"]) {
    const figure = page.locator("figure", { has: page.getByRole("heading", { name, exact: true }) });
    assert.is(await figure.getByRole("img").count(), 1);
    await figure.getByText("Numbers").click();
    assert.is(await figure.locator("tbody tr").count(), 90, name);
  }
  await page.getByRole("region", { name: "Instances" }).getByText("server").waitFor();
  await page.getByRole("region", { name: "Jobs by tool" }).getByText("export_orders").waitFor();
});

test("filters stand in the address, from which they are read again", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await visit(watched, "/jobs");
  await page.getByRole("checkbox", { name: "failed" }).check();
  await page.waitForURL("**/jobs?state=FAILED");
  await page.getByLabel("Tool").fill("render_invoice");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/jobs?state=FAILED&tool=render_invoice");
  await rowsAre(page, "Jobs", 1);
  await page.reload();
  await rowsAre(page, "Jobs", 1);
  assert.is(await page.getByRole("checkbox", { name: "failed" }).isChecked(), true);
  assert.is(await page.getByLabel("Tool").inputValue(), "render_invoice");
  await page.goBack();
  await page.waitForURL("**/jobs?state=FAILED");
  await page.getByRole("link", { name: "Clear" }).click();
  await rowsAre(page, "Jobs", 4);
  await visit(watched, "/jobs?client=nobody&since=1h");
  await page.getByText("No job fits.").waitFor();
  watched.check();
});

test("a job shows its attempts on one line of time", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await visit(watched, `/jobs/${await firstJob("FAILED")}`);
  await rowsAre(page, "Attempts", 3);
  assert.is(await page.locator(".timeline-row").count(), 4);
  await page.getByText("Arguments and results are the client's, and are not shown.").waitFor();
  assert.is(await page.getByRole("button", { name: "Cancel…" }).count(), 0);
  assert.is(await page.getByText(/again/i).count(), 0);
});

test("the form of a tool follows its contract, and its arguments stay in the browser", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await visit(watched, "/tools/batch_sum");
  await page.getByText("must contain at least 1 item").waitFor();
  await page.getByRole("button", { name: "Add to numbers" }).click();
  await page.getByLabel("numbers 1", { exact: false }).first().fill("12.5");
  await page.getByText("The arguments keep all rules of the contract.").waitFor();
  await page.getByText(`npx sealwire call batch_sum '{"numbers":[12.5]}'`).waitFor();
  await page.getByText("grpcurl -plaintext -d").waitFor();
  assert.match(page.url(), /\/tools\/batch_sum#args=/);
  await page.reload();
  await page.getByText(`npx sealwire call batch_sum '{"numbers":[12.5]}'`).waitFor();
  assert.is(
    watched.requests.some((url) => url.includes("12.5")),
    false,
  );
  watched.check();
});

test("a key is retired and revoked after a question, and then refused", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await visit(watched, "/keys");
  const row = page.getByRole("row", { name: "reports" });
  await row.getByRole("button", { name: /^Retire/ }).click();
  assert.equal(await watched.violations(), []);
  await page.keyboard.press("Escape");
  await row.getByText("active").waitFor();
  await row.getByRole("button", { name: /^Retire/ }).click();
  await page.getByRole("button", { name: "Retire the key" }).click();
  await row.getByText("retiring").waitFor();
  await row.getByRole("button", { name: /^Revoke/ }).click();
  await page.getByRole("button", { name: "Revoke the key" }).click();
  await row.waitFor({ state: "detached" });
  await page.getByRole("checkbox", { name: "Revoked keys" }).check();
  await row.getByText("revoked").waitFor();
  watched.check();
});

test("the audit log is read by pages, filtered and exported as it stands", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await visit(watched, "/audit");
  await rowsAre(page, "Events", 100);
  await page.getByRole("link", { name: "Older" }).click();
  await page.getByRole("rowheader", { name: "150", exact: true }).waitFor();
  await visit(watched, "/audit");
  await page.getByLabel("reason").fill("RATE_LIMITED");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/audit?reason=RATE_LIMITED");
  await rowsAre(page, "Events", 25);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export as JSON lines" }).click();
  const chunks: Buffer[] = [];
  for await (const chunk of await (await download).createReadStream()) chunks.push(chunk as Buffer);
  const lines = Buffer.concat(chunks).toString().trimEnd().split("\n");
  assert.is(lines.length, 25);
  assert.equal(JSON.parse(lines[0] ?? ""), { sequence: 10 });
  watched.check();
});

test("with the keyboard alone a job is found and cancelled", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await tabTo(page, "link", "Jobs");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/jobs");
  await page.locator(".live-data").waitFor();
  await tabTo(page, "checkbox", "running");
  await page.keyboard.press("Space");
  await page.waitForURL("**/jobs?state=RUNNING");
  await rowsAre(page, "Jobs", 1);
  const id = (await firstJob("RUNNING")).slice(0, 13);
  await tabTo(page, "link", `${id}…`);
  await page.keyboard.press("Enter");
  await tabTo(page, "button", "Cancel…");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await tabTo(page, "button", "Cancel the job");
  await page.keyboard.press("Enter");
  await page.getByRole("main").getByText("cancelled").first().waitFor();
  assert.is((await console.store.jobs.stats()).byState.CANCELLED, 1);
  watched.check();
});

test("a page is live, can be paused, and rests while it is hidden", async () => {
  await using watched = await signedIn();
  const { page } = watched;
  await visit(watched, "/jobs?tool=quote_nothing&tool=export_orders&state=RUNNING");
  await page
    .getByText("No job fits.")
    .or(page.getByRole("region", { name: "Jobs" }))
    .first()
    .waitFor();
  await visit(watched, "/jobs?tool=export_orders&state=RUNNING");
  const before = await page.getByRole("region", { name: "Jobs" }).locator("tbody tr").count();
  await console.client("shop").call("export_orders", { numbers: [2] });
  await rowsAre(page, "Jobs", before + 1);
  await page.getByRole("button", { name: "Live" }).click();
  await page.getByRole("button", { name: "Paused" }).waitFor();
  assert.is(await page.getByRole("button", { name: "Paused" }).getAttribute("aria-pressed"), "true");
  const stream = (request: { url(): string }): boolean => request.url().includes("/api/stream");
  const continued = page.waitForRequest(stream);
  await page.getByRole("button", { name: "Paused" }).click();
  await continued;
  const ended = page.waitForEvent("requestfailed", stream);
  await page.evaluate(hide(true));
  await ended;
  const again = page.waitForRequest(stream);
  await page.evaluate(hide(false));
  await again;
  watched.check();
});

/** A script after which the page believes that it is hidden, or seen. */
function hide(isHidden: boolean): string {
  return `Object.defineProperty(document, "hidden", { configurable: true, value: ${isHidden} });
    document.dispatchEvent(new Event("visibilitychange"));`;
}

/** Waits until a table has this number of rows. */
async function rowsAre(page: Page, name: string, count: number): Promise<void> {
  const rows = page.getByRole("region", { name }).locator("tbody tr");
  await eventually(`${name} has ${count} rows`, async () => (await rows.count()) === count);
}

/** Presses Tab until this has the focus, and sees that the focus can be seen. */
async function tabTo(page: Page, role: "link" | "button" | "checkbox", name: string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true });
  await wanted.first().waitFor();
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await wanted.and(page.locator(":focus")).count()) === 0) continue;
    assert.is(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "solid", name);
    return;
  }
  throw new Error(`Tab does not reach ${role} ${name}`);
}

test.run();
