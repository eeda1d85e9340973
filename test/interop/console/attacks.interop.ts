import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { tokenDigest } from "../../../src/files/token-lines.ts";
import { type OperatedConsole, startOperatedConsole } from "../../console/operated-console.ts";
import { spec } from "../../contract/store-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { startBrowser, WatchedPage } from "./browser.ts";

const test = suiteWith(["chromium"], "interop/console/attacks");

const MARKUP = `"><img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>`;
const REVERSED = "\u202Egnp.exe\u202C";
const LONG = "x".repeat(1_048_576);
const OPERATOR = "0123456789abcdef0123456789abcdef";
const VIEWER = "fedcba9876543210fedcba9876543210";

let browser: Browser;
let console: OperatedConsole;
let elsewhere: Server;

test.before(async () => {
  browser = await startBrowser("MAP evil.example 127.0.0.1");
  console = await startOperatedConsole({
    clients: ["shop", `<b>${REVERSED}`.replace(/[^\x21-\x7e]/g, "~")],
    principals: [
      { name: "ada", role: "operator", digest: tokenDigest(OPERATOR) },
      { name: "bob", role: "viewer", digest: tokenDigest(VIEWER) },
    ],
    work: false,
  });
  elsewhere = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html><title>elsewhere</title><p id=out>");
  }).listen(0, "127.0.0.1");
});

test.after(async () => {
  await browser?.close();
  await console?.[Symbol.asyncDispose]();
  elsewhere?.close();
});

async function signedIn(token: string): Promise<WatchedPage> {
  const watched = await WatchedPage.open(browser);
  await watched.page.goto(`${console.origin}/#token=${token}`);
  await watched.page.getByRole("heading", { name: "Overview" }).waitFor();
  return watched;
}

test("texts from outside are shown as text: markup, changed direction, a megabyte", async () => {
  const { store } = console;
  for (const tool of [MARKUP, REVERSED, LONG])
    await store.jobs.submit(spec({ owner: MARKUP, tool, requestId: tool.slice(0, 99) }));
  await using watched = await signedIn(OPERATOR);
  const { page } = watched;
  await page.goto(`${console.origin}/jobs`);
  await page.getByRole("region", { name: "Jobs" }).getByText(MARKUP).first().waitFor();
  await page.getByText("\\u{202e}gnp.exe\\u{202c}").first().waitFor();
  await page
    .getByText(/x… \(1,?048,?576 characters\)/)
    .first()
    .waitFor();
  assert.is(await page.locator("img:not(.brand img)").count(), 0);
  const { jobs } = await store.operator.jobs({ states: [], pageSize: 10 });
  for (const { jobId } of jobs) {
    await page.goto(`${console.origin}/jobs/${jobId}`);
    await page.getByRole("heading", { name: "Timeline" }).waitFor();
  }
  const hostile = encodeURIComponent(MARKUP);
  for (const path of [
    `/jobs/${hostile}`,
    `/tools/${hostile}`,
    `/jobs?tool=${hostile}&state=${hostile}`,
    `/?${hostile}#${hostile}`,
  ]) {
    await page.goto(console.origin + path);
    await page.locator("h1").waitFor();
    await page.locator(".live-data, .problem").first().waitFor();
  }
  await page.goto(
    `${console.origin}/tools/batch_sum#args=${encodeURIComponent(JSON.stringify({ numbers: [MARKUP], [MARKUP]: LONG.slice(0, 100_000) }))}`,
  );
  await page.getByText("the server would refuse these arguments").waitFor();
  assert.is(await page.evaluate("globalThis.hit"), undefined);
  assert.is(await page.locator("img:not(.brand img), main script").count(), 0);
  watched.check();
});

test("a page of another port of the same host, or of a name that leads here, gets nothing and changes nothing", async () => {
  await using watched = await signedIn(OPERATOR);
  const { page } = watched;
  const context = page.context();
  const { port } = elsewhere.address() as AddressInfo;
  const revoke = `${console.origin}/api/keys/${console.keyIds.shop}/revoke`;
  for (const start of [`http://127.0.0.1:${port}/`, `http://evil.example:${port}/`]) {
    const other = await context.newPage();
    await other.goto(start);
    const got = await other.evaluate(`(async () => {
      const tries = [];
      const note = (what, promise) => tries.push(Promise.resolve(promise).then((it) => what + " " + it, () => what + " nothing"));
      const text = async (url, init) => { const r = await fetch(url, init); return r.status + " " + (await r.text()).length; };
      for (const path of ["/", "/assets/console.css", "/api/session", "/api/overview"])
        note(path, text("${console.origin}" + path, { credentials: "include" }));
      note("opaque", text("${console.origin}/", { mode: "no-cors" }));
      note("post", text("${revoke}", { method: "POST", mode: "no-cors", body: "{}" }));
      note("json", text("${revoke}", { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer x" }, body: "{}" }));
      note("stream", new Promise((resolve, reject) => { const s = new EventSource("${console.origin}/api/stream?of=/api/overview"); s.onmessage = () => resolve("data"); s.onerror = reject; }));
      note("script", new Promise((resolve, reject) => { const s = document.createElement("script"); s.src = "${console.origin}/assets/lit-html.js"; s.onload = () => resolve("ran"); s.onerror = reject; document.head.append(s); }));
      note("image", new Promise((resolve, reject) => { const s = new Image(); s.src = "${console.origin}/assets/icon.svg"; s.onload = () => resolve("shown"); s.onerror = reject; }));
      return (await Promise.all(tries)).filter((each) => !each.endsWith(" nothing"));
    })()`);
    // The browser itself hides the answer of a request without CORS: its length is 0.
    assert.equal(
      (got as string[]).filter((each) => !/^(opaque|post) 0 0$/.test(each)),
      [],
      start,
    );
    await other.evaluate(`location.href = "${console.origin}/"`);
    await other.getByText("caused by another site").waitFor();
    await other.close();
  }
  assert.is((await console.store.jobs.stats()).byState.CANCELLED, 0);
  await page.goto(`${console.origin}/keys`);
  await page.getByRole("row", { name: "shop" }).getByText("active").waitFor();
});

test("a name that was made to lead to this machine does not open the console", async () => {
  await using watched = await WatchedPage.open(browser);
  const { port } = new URL(console.origin);
  const response = await watched.page.goto(`http://evil.example:${port}/`);
  assert.is(response?.status(), 403);
  await watched.page.getByText("Host is another").waitFor();
  watched.check();
});

test("the console is shown in no frame", async () => {
  await using watched = await WatchedPage.open(browser);
  const { page } = watched;
  const { port } = elsewhere.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.evaluate(
    `document.body.append(Object.assign(document.createElement("iframe"), { src: "${console.origin}/" }))`,
  );
  const frame = await eventually("the frame", () => page.frames()[1]);
  await frame.waitForLoadState();
  assert.is(await frame.locator("link[rel=stylesheet]").count(), 0);
});

test("a viewer sees nothing that changes something", async () => {
  await using watched = await signedIn(VIEWER);
  const { page } = watched;
  const { jobs } = await console.store.operator.jobs({ states: ["QUEUED"], pageSize: 1 });
  await page.goto(`${console.origin}/jobs/${jobs[0]?.jobId}`);
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  assert.is(await page.getByRole("button", { name: /Cancel/ }).count(), 0);
  await page.goto(`${console.origin}/jobs?since=24h`);
  await page.getByRole("region", { name: "Jobs" }).waitFor();
  assert.is(await page.getByRole("button", { name: /Cancel/ }).count(), 0);
  await page.goto(`${console.origin}/keys`);
  await page.getByRole("row", { name: "shop" }).waitFor();
  assert.is(await page.getByRole("button", { name: /Revoke|Retire/ }).count(), 0);
  const tried = await page.evaluate(`(async () => {
    const headers = { "content-type": "application/json", authorization: "Bearer " + JSON.parse(sessionStorage.getItem("sealwire-console")).token };
    const paths = ["/api/jobs/cancel", "/api/jobs/${jobs[0]?.jobId}/cancel", "/api/keys/${console.keyIds.shop}/retire", "/api/keys/${console.keyIds.shop}/revoke"];
    return Promise.all(paths.map(async (path) => (await fetch(path, { method: "POST", headers, body: "{}" })).status));
  })()`);
  assert.equal(tried, [403, 403, 403, 403]);
  watched.check();
});

test.run();
