import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { WatchedPage } from "./browser.ts";
import { Shop } from "./shop.ts";

const test = suiteWith(["chromium"], "interop/console/sign-in");

let shop: Shop;

test.before(async () => {
  shop = await Shop.open();
});

test.after(() => shop?.[Symbol.asyncDispose]());

/** Where a token could be left behind in a browser. */
const TRACES = `[location.href, document.cookie, JSON.stringify(localStorage), document.referrer, history.state,
  ...navigation.entries().map((entry) => entry.url),
  ...performance.getEntriesByType("resource").map((entry) => entry.name)].join(" ")`;

test("the token of the URL leaves the address, and stays for this tab alone", async () => {
  const { origin, url } = shop.console;
  await using watched = await shop.signedIn();
  const { page } = watched;
  assert.is(page.url(), `${origin}/`);
  await page.getByRole("link", { name: "Jobs", exact: true }).click();
  await page.getByRole("region", { name: "Jobs" }).waitFor();
  const kept = (await page.evaluate(`sessionStorage.getItem("sealwire-console")`)) as string;
  const secrets = [url.split("#token=")[1] ?? "", (JSON.parse(kept) as { readonly token: string }).token];
  const traces = (await page.evaluate(TRACES)) as string;
  for (const secret of secrets) {
    assert.ok(secret.length > 40);
    // What follows "#" is sent in no request.
    const sent = watched.requests.map((url) => url.replace(/#.*/, ""));
    assert.is(`${traces} ${sent.join(" ")}`.includes(secret), false);
  }
  assert.equal(await page.context().cookies(), []);
  assert.is(await page.evaluate("localStorage.length"), 0);
  await page.reload();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  const other = await page.context().newPage();
  await other.goto(origin);
  await other.getByRole("button", { name: "Sign in" }).waitFor();
  watched.check();
});

test("who signs out is out: in this tab, at the server, and in the history", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  const { token } = JSON.parse((await page.evaluate(`sessionStorage.getItem("sealwire-console")`)) as string) as {
    readonly token: string;
  };
  const ended = page.waitForResponse((response) => response.request().method() === "DELETE");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await ended;
  assert.is(await page.evaluate("sessionStorage.length"), 0);
  await page.locator("#token:focus").waitFor();
  const headers = { authorization: `Bearer ${token}` };
  assert.is((await fetch(`${shop.console.origin}/api/overview`, { headers })).status, 401);
  await page.goto(`${shop.console.origin}/jobs`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  watched.check();
});

test("who signs out while the server does not answer is signed out here", async () => {
  await using watched = await shop.signedIn();
  const { page } = watched;
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.is(await page.evaluate("sessionStorage.length"), 0);
  watched.check();
});

test("the page for signing in loads its own files only, and asks the server nothing", async () => {
  await using watched = await WatchedPage.open(shop.browser);
  const { page } = watched;
  const { origin } = shop.console;
  await page.goto(`${origin}/jobs`, { waitUntil: "networkidle" });
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  const others = watched.requests.filter((url) => url !== `${origin}/jobs` && !url.startsWith(`${origin}/assets/`));
  assert.equal(others, []);
  watched.check();
});

test("whoever has the URL can also type it, and a wrong token is refused with a message", async () => {
  await using watched = await WatchedPage.open(shop.browser);
  const { page } = watched;
  await page.goto(`${shop.console.origin}/keys`);
  await page.getByLabel("Token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The token is not known.").waitFor();
  await page.getByLabel("Token").fill(shop.console.url);
  await page.keyboard.press("Enter");
  await page.locator("h1:focus", { hasText: "Keys" }).waitFor();
  watched.check();
});

test("a token that is sent twice at once signs in once", async () => {
  await using watched = await WatchedPage.open(shop.browser);
  const { page } = watched;
  await page.goto(shop.console.origin);
  await page.getByLabel("Token").fill(shop.console.url);
  await page.evaluate(`for (const form of [document.forms[0], document.forms[0]]) form.requestSubmit()`);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.locator(".live-data").waitFor();
  assert.is(watched.requests.filter((url) => url.endsWith("/api/session")).length, 1);
  watched.check();
});

test.run();
