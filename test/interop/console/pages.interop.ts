import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuditReader } from "../../../src/audit/audit-reader.ts";
import { appendLines, call } from "../../audit/audit-file.ts";
import { spec } from "../../contract/store-under-test.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { rowsAre, Shop, tabTo } from "./shop.ts";

const test = suiteWith(["chromium"], "interop/console/pages");

let shop: Shop;

test.before(async () => {
  shop = await Shop.open();
});

test.after(() => shop?.[Symbol.asyncDispose]());

test("the overview shows calls, reasons, jobs and instances, and each chart has its numbers beside it", async () => {
  await using watched = await shop.signedIn();
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
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/jobs");
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
  await shop.visit(watched, "/jobs?client=nobody&since=1h");
  await page.getByText("No job fits.").waitFor();
  watched.check();
});

test("a job shows its attempts on one line of time", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, `/jobs/${await shop.newestJob("FAILED")}`);
  await rowsAre(page, "Attempts", 3);
  assert.is(await page.locator(".timeline-row").count(), 4);
  await page.getByText("Arguments and results are the client's, and are not shown.").waitFor();
  assert.is(await page.getByRole("button", { name: "Cancel…" }).count(), 0);
  assert.is(await page.getByText(/again/i).count(), 0);
});

test("the form of a tool follows its contract, and its arguments stay in the browser", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/tools/batch_sum");
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
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/keys");
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
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/audit");
  await rowsAre(page, "Events", 100);
  await page.getByRole("link", { name: "Older" }).click();
  await page.getByRole("rowheader", { name: "150", exact: true }).waitFor();
  await shop.visit(watched, "/audit");
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

test("a name of hundreds of characters leaves room for the other columns, and a refused address has a way out", async () => {
  const tool = "a_tool_with_a_long_name_".repeat(10);
  await shop.console.store.jobs.submit(spec({ owner: "o".repeat(128), tool, requestId: "long" }));
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/jobs");
  const row = page.getByRole("row", { name: tool.slice(0, 60) });
  for (const cell of [row.locator("td").nth(1), row.locator("td").nth(2)]) {
    const { width = 0 } = (await cell.boundingBox()) ?? {};
    assert.ok(width > 50 && width < 400, `${width} pixels`);
  }
  await shop.visit(watched, "/jobs?page=none");
  await page.getByRole("link", { name: "Show all" }).click();
  await page.getByRole("region", { name: "Jobs" }).waitFor();
  assert.is(page.url(), `${shop.console.origin}/jobs`);
  watched.check();
});

test("a search that has not reached the beginning of a large log goes on, and a cut export says so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-large-log-"));
  const path = join(folder, "audit.log");
  try {
    appendLines(path, 20_000, (sequence) => ({
      ...{ ...call(`call-${sequence}`), details: { text: "x".repeat(700) } },
      client: sequence === 1 ? "old" : "ann",
    }));
    await using large = await Shop.open({ audit: new AuditReader(path) });
    await using watched = await large.signedIn();
    const { page } = watched;
    await large.visit(watched, "/audit?client=old");
    await page.getByText("None of the events that were searched fits.").waitFor();
    await page.getByRole("link", { name: "Older" }).click();
    await page.getByRole("rowheader", { name: "1", exact: true }).waitFor();
    assert.is(await page.getByRole("link", { name: "Older" }).count(), 0);
    await large.visit(watched, "/audit");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export as JSON lines" }).click();
    await download;
    await page.getByText("The export ends before the oldest line").waitFor();
    watched.check();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("an operator reads the arguments and the result of a job, inert, if the server permits it", async () => {
  await using shop = await Shop.open({ payloads: true });
  await using watched = await shop.signedIn();
  const { page } = watched;
  const button = page.getByRole("button", { name: "Show arguments and result" });
  await shop.visit(watched, `/jobs/${await shop.newestJob("RUNNING")}`);
  assert.is(await page.getByRole("heading", { name: "Arguments" }).count(), 0);
  await tabTo(page, "button", "Show arguments and result");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Arguments" }).waitFor();
  assert.match(await page.locator("main pre").innerText(), '"numbers"');
  assert.is(await button.count(), 0);
  for (const scheme of ["light", "dark"] as const) {
    await watched.look({ width: 320, scheme });
    assert.is(await watched.width(), 320);
    assert.equal(await watched.violations(), []);
  }
  await shop.visit(watched, `/jobs/${await shop.newestJob("SUCCEEDED")}`);
  await button.click();
  await page.getByRole("heading", { name: "Result" }).waitFor();
  assert.match(await page.locator("main pre").innerText(), "@type");
  await shop.visit(watched, `/jobs/${await shop.newestJob("FAILED")}`);
  await button.click();
  await page.getByText("There are none").waitFor();
  watched.check();
});

test.run();
