import { eventually } from "../../support/eventually.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { Shop, tabTo } from "./shop.ts";

/* Jobs that are cancelled together, on the page Jobs. */
const test = suiteWith(["chromium"], "interop/console/bulk-cancel");

const BUTTON = "Cancel the open jobs that fit…";

test("the open jobs that fit the filters are cancelled together after a question, and no others", async () => {
  await using shop = await Shop.open({ clients: ["shop", "warehouse", "runaway"] });
  const { console } = shop;
  const openJobs = async (owner: string): Promise<number> =>
    (await console.store.operator.jobs({ states: ["QUEUED", "RUNNING"], owner, pageSize: 500 })).jobs.length;
  for (let job = 0; job < 120; job += 1) await console.client("runaway").call("export_orders", { numbers: [job] });
  await console.client("shop").call("export_orders", { numbers: [1] });
  await using watched = await shop.signedIn();
  const { page } = watched;
  for (const path of ["/jobs", "/jobs?state=QUEUED", "/jobs?client=runaway&state=FAILED", "/jobs?since=2h"]) {
    await shop.visit(watched, path);
    assert.is(await page.getByRole("button", { name: BUTTON }).count(), 0, path);
  }
  await shop.visit(watched, "/jobs?client=nobody&since=1h");
  await page.getByRole("button", { name: BUTTON }).click();
  await page.getByText("No open job fits.").waitFor();
  await shop.visit(watched, "/jobs?client=runaway&tool=export_orders&since=1h");
  for (const look of [
    { width: 1280, scheme: "light" },
    { width: 320, scheme: "dark" },
  ] as const) {
    await watched.look(look);
    assert.is(await watched.width(), look.width);
    assert.equal(await watched.violations(), []);
  }
  await tabTo(page, "button", BUTTON);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Cancel 120 jobs?" }).waitFor();
  await page.getByRole("dialog").getByText("runaway").waitFor();
  assert.equal(await watched.violations(), []);
  await page.keyboard.press("Escape");
  assert.is(await openJobs("runaway"), 120);
  await page.getByRole("button", { name: BUTTON }).click();
  await page.getByRole("button", { name: "Cancel 120 jobs" }).click();
  const said = page.getByRole("status").getByText(/^\d+ cancelled, \d+ told to stop, 0 had already ended\.$/);
  await said.waitFor();
  await eventually("they have ended", async () => (await openJobs("runaway")) === 0);
  assert.equal([await openJobs("shop"), await openJobs("warehouse")], [1, 1]);
  watched.check();
});

test.run();
