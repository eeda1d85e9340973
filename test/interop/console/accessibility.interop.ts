// test-limit-ms: 300000
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { type Looks, WatchedPage } from "./browser.ts";
import { Shop, tabTo } from "./shop.ts";

const test = suiteWith(["chromium"], "interop/console/accessibility");

let shop: Shop;

test.before(async () => {
  shop = await Shop.open();
});

test.after(() => shop?.[Symbol.asyncDispose]());

const LOOKS = [
  { width: 1280, scheme: "light" },
  { width: 320, scheme: "dark" },
  { width: 320, scheme: "light" },
  { width: 1280, scheme: "dark" },
] as const satisfies readonly Looks[];

/** All pages: with data, without, and with what is refused. */
async function allPages(): Promise<readonly string[]> {
  const [failed, running] = [await shop.newestJob("FAILED"), await shop.newestJob("RUNNING")];
  return [
    ...[
      "/",
      "/jobs",
      `/jobs/${failed}`,
      `/jobs/${running}`,
      "/tools?system=show",
      "/tools/batch_sum",
      "/tools/start_long_task",
    ],
    ...["/keys", "/audit", "/about", "/jobs?client=nobody", "/tools?find=nothing", "/keys?client=nobody"],
    ...["/audit?client=nobody", "/jobs/none", "/tools/none", "/jobs?page=none"],
  ];
}

async function keepsRules(watched: WatchedPage, what: string): Promise<void> {
  for (const look of LOOKS) {
    await watched.look(look);
    assert.equal(await watched.violations(), [], `${what} ${look.width} ${look.scheme}`);
    assert.is(await watched.width(), look.width, `${what} scrolls sideways`);
  }
  // A window of 1280 pixels at 200 % has 640.
  await watched.look({ width: 640 });
  assert.is(await watched.width(), 640, `${what} scrolls sideways at 200 %`);
}

test("every page keeps the rules for accessibility and the policy, wide and narrow, light and dark", async () => {
  await using watched = await shop.signedIn();
  for (const path of await allPages()) {
    await shop.visit(watched, path);
    await keepsRules(watched, path);
  }
  await watched.look({});
  await shop.visit(watched, "/keys");
  await watched.page
    .getByRole("button", { name: /^Revoke/ })
    .first()
    .click();
  await watched.page.getByRole("dialog").waitFor();
  await keepsRules(watched, "a question");
  watched.check();
});

test("so does the page for signing in", async () => {
  await using watched = await WatchedPage.open(shop.browser);
  const { page } = watched;
  await page.goto(shop.console.origin);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await keepsRules(watched, "signing in");
  await page.getByLabel("Token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The token is not known.").waitFor();
  await keepsRules(watched, "a refused token");
  watched.check();
});

/** Everything that the keyboard must reach, and what it has reached so far. */
const REACHABLE = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((each) => each.checkVisibility())`;
const REACHED = `(() => {
  globalThis.reached ??= new Set();
  const at = document.activeElement;
  if (at === document.body || reached.has(at)) return "round";
  reached.add(at);
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  const { top, bottom, left, right } = at.getBoundingClientRect();
  const isSeen = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
  return isSeen && outlineStyle === "solid" && parseFloat(outlineWidth) >= 2 ? "seen" : at.outerHTML.slice(0, 200);
})()`;

test("Tab reaches everything on every page, and the focus is seen", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  for (const path of await allPages()) {
    await shop.visit(watched, path);
    for (let presses = 0; presses < 200; presses += 1) {
      await page.keyboard.press("Tab");
      const what = await page.evaluate(REACHED);
      if (what === "round") break;
      assert.is(what, "seen", path);
    }
    const missed = await page.evaluate(
      `${REACHABLE}.filter((each) => !reached.has(each)).map((each) => each.outerHTML)`,
    );
    assert.equal(missed, [], path);
  }
  watched.check();
});

test("with the keyboard alone a job is found and cancelled", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await tabTo(page, "link", "Jobs");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/jobs");
  await page.locator(".live-data").waitFor();
  await tabTo(page, "checkbox", "running");
  await page.keyboard.press("Space");
  await page.waitForURL("**/jobs?state=RUNNING");
  const id = await shop.newestJob("RUNNING");
  await tabTo(page, "link", `${id.slice(0, 13)}…`);
  await page.keyboard.press("Enter");
  await tabTo(page, "button", "Cancel…");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  assert.is(await page.evaluate("document.activeElement.textContent"), "Cancel…");
  await page.keyboard.press("Enter");
  await tabTo(page, "button", "Cancel the job");
  await page.keyboard.press("Enter");
  await page.getByRole("main").getByText("cancelled").first().waitFor();
  assert.is((await shop.console.store.operator.job(id))?.state, "CANCELLED");
  await page.locator("h1:focus").waitFor();
  watched.check();
});

test("the link to the content leaves the address and the form of a tool as they are", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await shop.visit(watched, "/tools/batch_sum");
  await page.getByRole("button", { name: "Add to numbers" }).click();
  await page.getByLabel("numbers 1", { exact: false }).first().fill("12.5");
  await page.waitForURL(/12\.5/);
  const url = page.url();
  await page.evaluate("document.activeElement.blur()");
  await tabTo(page, "link", "Skip to the content");
  await page.keyboard.press("Enter");
  assert.is(await page.evaluate("document.activeElement.id"), "content");
  assert.is(page.url(), url);
  assert.is(await page.getByLabel("numbers 1", { exact: false }).first().inputValue(), "12.5");
  watched.check();
});

test("nothing moves for whoever wants less motion", async () => {
  await using watched = await shop.signedIn();
  const running = `document.getAnimations().filter((each) => each.playState === "running").length`;
  assert.ok(Number(await watched.page.evaluate(running)) > 0);
  await watched.look({ motion: "reduce" });
  assert.is(await watched.page.evaluate(running), 0);
});

test.run();
