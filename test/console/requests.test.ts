import { BROWSER_MODULES, LIT_MODULES } from "../../src/console/assets.ts";
import { CONTENT_SECURITY_POLICY } from "../../src/console/security-headers.ts";
import { assert, suite } from "../support/suite.ts";
import { bearer, JSON_BODY, send, signIn } from "./http-client.ts";
import { startConsole } from "./test-console.ts";

const test = suite("console/requests");

const CHANGE = { method: "POST", headers: JSON_BODY, body: "{}" };

test("the policy of the pages is exactly this one", () => {
  assert.is(
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html",
  );
});

test("every answer has the security headers, and none sets a cookie", async () => {
  await using console = await startConsole();
  const { origin } = console;
  const token = await console.signIn();
  const answers = await Promise.all([
    send(`${origin}/`),
    send(`${origin}/jobs/1`),
    send(`${origin}/assets/lit-html.js`),
    send(`${origin}/nowhere`),
    send(`${origin}/api/view`),
    send(`${origin}/api/view`, { headers: bearer(token) }),
    send(`${origin}/api/nowhere`, { headers: bearer(token) }),
    send(`${origin}/`, { headers: { host: "evil.example" } }),
    signIn(origin, console.token),
    send(`${origin}/api/session`, { method: "DELETE", headers: bearer(token) }),
  ]);
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200, 404, 401, 200, 404, 403, 200, 200],
  );
  for (const { headers } of answers) {
    assert.is(headers["content-security-policy"], CONTENT_SECURITY_POLICY);
    assert.is(headers["x-content-type-options"], "nosniff");
    assert.is(headers["referrer-policy"], "no-referrer");
    assert.is(headers["cross-origin-opener-policy"], "same-origin");
    assert.is(headers["cross-origin-resource-policy"], "same-origin");
    assert.is(headers["set-cookie"], undefined);
    assert.is(headers["access-control-allow-origin"], undefined);
  }
});

test("without a session there are the files of the pages, and nothing else", async () => {
  await using console = await startConsole();
  const { origin } = console;
  const paths = ["/api/view", "/api/secrets", "/api/session", "/api/stream?of=/api/view", "/api/nowhere"];
  for (const path of paths) {
    const answers = [
      await send(`${origin}${path}`),
      await send(`${origin}${path}`, { headers: bearer("x".repeat(43)) }),
      await send(`${origin}${path}`, { headers: bearer(console.token) }),
      await send(`${origin}${path}`, { headers: { cookie: `sealwire-console=${console.token}` } }),
    ];
    for (const { status, text } of answers) {
      assert.is(status, 401, path);
      assert.is(JSON.parse(text).error.reason, "SIGNED_OUT");
    }
  }
  assert.is((await send(`${origin}/api/things/1/change`, CHANGE)).status, 401);
  assert.equal([console.changes, console.reads], [[], 0]);
  for (const path of [
    "/assets/",
    "/assets/tsconfig.json",
    "/assets/../console.ts",
    "/package.json",
    "/assets/main.d.ts",
  ])
    assert.is((await send(`${origin}${path}`)).status, 404, path);
});

test("the document names every module, and every module is served as a script", async () => {
  await using console = await startConsole();
  const { text, headers } = await send(`${console.origin}/`);
  assert.is(headers["content-type"], "text/html; charset=utf-8");
  const scripts = [...text.matchAll(/href="(\/assets\/[^"]+\.(?:js|ts))"/g)].map(([, path]) => path ?? "");
  assert.is(scripts.length, BROWSER_MODULES.length + LIT_MODULES.length);
  for (const path of scripts) {
    const script = await send(`${console.origin}${path}`);
    assert.is(script.headers["content-type"], "text/javascript; charset=utf-8", path);
    const again = await send(`${console.origin}${path}`, { headers: { "if-none-match": script.headers.etag ?? "" } });
    assert.equal([again.status, again.text], [304, ""], path);
  }
  assert.not.match(text, /<script(?![^>]* src=)|<style|style=| on[a-z]+=/);
});

test("a request with the Host of another is refused, whatever it has", async () => {
  await using console = await startConsole();
  const { origin } = console;
  const { port } = new URL(origin);
  const token = await console.signIn();
  const ask = (host: string) => send(`${origin}/api/view`, { headers: { ...bearer(token), host } });
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1", "127.0.0.1:1", `127.0.0.1.evil:${port}`])
    assert.is((await ask(host)).status, 403, host);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
    assert.is((await ask(host)).status, 200, host);
});

test("a request of another origin, also of another port of this host, is refused, whatever it has", async () => {
  await using console = await startConsole();
  const { origin } = console;
  const token = await console.signIn();
  const ask = (headers: Readonly<Record<string, string>>) =>
    send(`${origin}/api/things/1/change`, { ...CHANGE, headers: { ...JSON_BODY, ...bearer(token), ...headers } });
  const foreign = [
    { origin: "https://evil.example" },
    { origin: "http://127.0.0.1:1" },
    { origin: origin.replace("http:", "https:") },
    { origin: origin.replace("127.0.0.1", "localhost") },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin, "sec-fetch-site": "same-site" },
  ];
  for (const headers of foreign) {
    const { status, text } = await ask(headers);
    assert.is(status, 403, JSON.stringify(headers));
    assert.is(JSON.parse(text).error.reason, "FOREIGN_REQUEST");
  }
  for (const headers of foreign)
    assert.is((await send(`${origin}/`, { headers })).status, 403, JSON.stringify(headers));
  assert.equal(console.changes, []);
  assert.is((await ask({ origin, "sec-fetch-site": "same-origin" })).status, 200);
  assert.is((await ask({})).status, 200);
  assert.equal(console.changes, ["console 1", "console 1"]);
});

test("a change needs a JSON body, which no form of another page can send", async () => {
  await using console = await startConsole();
  const token = await console.signIn();
  const url = `${console.origin}/api/things/1/change`;
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const headers = { ...bearer(token), "content-type": type };
    assert.is((await send(url, { method: "POST", headers, body: "{}" })).status, 415, type);
  }
  const headers = { ...JSON_BODY, ...bearer(token) };
  assert.is((await send(url, { method: "POST", headers, body: "{" })).status, 400);
  for (const length of [262_145, 3_000_000])
    assert.is((await send(url, { method: "POST", headers, body: `"${"x".repeat(length)}"` })).status, 413);
  assert.is((await send(url, { headers: bearer(token) })).status, 404);
  assert.equal(console.changes, []);
});

test("names in paths are decoded once, and paths that cannot be decoded are none", async () => {
  await using console = await startConsole();
  const headers = { ...JSON_BODY, ...bearer(await console.signIn()) };
  const change = (name: string) => send(`${console.origin}/api/things/${name}/change`, { ...CHANGE, headers });
  assert.is((await change("a%2Fb%2500")).status, 200);
  for (const name of ["a/b", "%", "%ff", ""]) assert.is((await change(name)).status, 404, name);
  assert.equal(console.changes, ["console a/b%00"]);
});

test.run();
