import { once } from "node:events";
import { connect } from "node:net";
import type { ConsolePrincipal } from "../../src/console/principals.ts";
import { tokenDigest } from "../../src/files/token-lines.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { HOUR_MS } from "../../src/runtime/time-span.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";
import { bearer, EventReader, JSON_BODY, send, signIn } from "./http-client.ts";
import { startConsole } from "./test-console.ts";

const test = suite("console/sessions");

const TOKENS = { ada: "a".repeat(32), bob: "b".repeat(32) };
const PRINCIPALS: readonly ConsolePrincipal[] = [
  { name: "ada", role: "operator", digest: tokenDigest(TOKENS.ada) },
  { name: "bob", role: "viewer", digest: tokenDigest(TOKENS.bob) },
];

test("a one-time URL works once, and the next one is told", async () => {
  await using console = await startConsole();
  assert.match(console.urls[0] ?? "", /^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/);
  const [first = ""] = console.urls.map((url) => url.split("#token=")[1]);
  const answer = await signIn(console.origin, first);
  assert.is(answer.status, 200);
  assert.is(answer.json<{ role: string }>().role, "operator");
  assert.is(console.urls.length, 2);
  assert.is((await signIn(console.origin, first)).status, 401);
  assert.is((await signIn(console.origin, console.token)).status, 200);
  assert.is(console.urls.length, 3);
  assert.is(new Set(console.urls).size, 3);
});

test("the token of a session is another than the one that began it, and neither is shown again", async () => {
  await using console = await startConsole();
  const offered = console.token;
  const token = await console.signIn();
  assert.is.not(token, offered);
  const session = await send(`${console.origin}/api/session`, { headers: bearer(token) });
  assert.equal(Object.keys(session.json<object>()), ["name", "role", "endsAtMs"]);
});

test("a session ends when its user signs out, and its live views with it", async () => {
  await using console = await startConsole();
  const token = await console.signIn();
  await using view = await EventReader.open(console.origin, "/api/view", token);
  assert.equal(await view.next(), { data: { reads: 1 } });
  assert.is((await send(`${console.origin}/api/session`, { method: "DELETE", headers: bearer(token) })).status, 200);
  assert.is((await send(`${console.origin}/api/view`, { headers: bearer(token) })).status, 401);
  await view.end();
});

test("a session ends two hours after its last use, and twelve after its begin", async () => {
  const clock = new FakeClock();
  await using console = await startConsole({ clock });
  const token = await console.signIn();
  const ask = () => send(`${console.origin}/api/view`, { headers: bearer(token) });
  for (let hour = 0; hour < 11; hour += 1) {
    clock.advance(HOUR_MS);
    assert.is((await ask()).status, 200, `hour ${hour}`);
  }
  clock.advance(HOUR_MS);
  assert.is((await ask()).status, 401);
  const idle = await console.signIn();
  clock.advance(2 * HOUR_MS);
  assert.is((await send(`${console.origin}/api/view`, { headers: bearer(idle) })).status, 401);
});

test("an open page keeps its session, and its live view ends with the session, twelve hours after its begin", async () => {
  const clock = new FakeClock();
  await using console = await startConsole({ clock });
  const token = await console.signIn();
  await using view = await EventReader.open(console.origin, "/api/view", token);
  for (let hour = 0; hour < 11; hour += 1) {
    // A heartbeat of the stream.
    clock.advance(HOUR_MS);
    while (((await view.next()) as { data: { reads: number } }).data.reads < hour + 2);
  }
  clock.advance(HOUR_MS);
  await view.end();
  assert.is((await send(`${console.origin}/api/view`, { headers: bearer(token) })).status, 401);
});

test("a session ends when the token, the role or the name of its user is no longer valid", async () => {
  const [ada, bob] = PRINCIPALS as [ConsolePrincipal, ConsolePrincipal];
  const others: readonly ConsolePrincipal[] = [
    bob,
    { ...ada, role: "viewer" },
    { ...ada, digest: tokenDigest("another") },
    { ...ada, name: "eve" },
  ];
  for (const next of others) {
    await using console = await startConsole({ principals: PRINCIPALS });
    const tokens = [TOKENS.ada, TOKENS.bob];
    const sessions: string[] = [];
    for (const token of tokens) sessions.push((await signIn(console.origin, token)).json<{ token: string }>().token);
    await using view = await EventReader.open(console.origin, "/api/view", sessions[0] ?? "");
    await view.next();
    console.replacePrincipals([bob, next].slice(next === bob ? 1 : 0));
    await view.end();
    const statuses: number[] = [];
    for (const token of sessions)
      statuses.push((await send(`${console.origin}/api/view`, { headers: bearer(token) })).status);
    assert.equal(statuses, [401, 200]);
    assert.is((await signIn(console.origin, TOKENS.bob)).status, 200);
  }
});

test("failed attempts to sign in are limited, and a right token is accepted all the same", async () => {
  const clock = new FakeClock();
  await using console = await startConsole({ clock });
  for (let n = 0; n < 15; n += 1) assert.is((await signIn(console.origin, console.token)).status, 200);
  for (let n = 0; n < 10; n += 1) assert.is((await signIn(console.origin, `wrong ${n}`)).status, 401);
  const refused = await signIn(console.origin, "wrong again");
  assert.equal([refused.status, refused.headers["retry-after"]], [429, "60"]);
  // Another user of the machine, or of the same proxy, must not lock anybody out.
  assert.is((await signIn(console.origin, console.token)).status, 200);
  clock.advance(10_000);
  assert.is((await signIn(console.origin, "wrong still")).status, 401);
});

test("however often somebody signs in, the sessions and views of others go on", async () => {
  await using console = await startConsole({ principals: PRINCIPALS });
  const signInAs = async (token: string): Promise<string> =>
    (await signIn(console.origin, token)).json<{ token: string }>().token;
  const ada = await signInAs(TOKENS.ada);
  let bob = "";
  for (let n = 0; n < 65; n += 1) bob = await signInAs(TOKENS.bob);
  await using views = new AsyncDisposableStack();
  for (let n = 0; n < 64; n += 1) views.use(await EventReader.open(console.origin, "/api/view", bob));
  const more = await send(`${console.origin}/api/stream?of=/api/view`, { headers: bearer(bob) });
  assert.is(more.status, 503);
  await using view = await EventReader.open(console.origin, "/api/view", ada);
  assert.ok(await view.next());
});

test("a sign-in that is broken off is no error of the server", async () => {
  const errors: unknown[] = [];
  await using console = await startConsole({
    logger: { ...silentLogger, error: (fields) => void errors.push(fields) },
  });
  const { hostname, port } = new URL(console.origin);
  for (let n = 0; n < 3; n += 1) {
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const head = `POST /api/session HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\n`;
    socket.write(`${head}content-length: 90\r\n\r\n{"tok`);
    socket.end();
    await once(socket.resume(), "close");
  }
  assert.equal(errors, []);
});

test("with principals there is no one-time URL, and each has the role of its line", async () => {
  await using console = await startConsole({ principals: PRINCIPALS });
  assert.equal(console.urls, []);
  const ada = await signIn(console.origin, TOKENS.ada);
  const bob = await signIn(console.origin, TOKENS.bob);
  assert.equal(
    [ada, bob].map((answer) => answer.json<{ name: string; role: string }>()).map(({ name, role }) => [name, role]),
    [
      ["ada", "operator"],
      ["bob", "viewer"],
    ],
  );
  assert.is((await signIn(console.origin, TOKENS.ada)).status, 200);
  assert.is((await signIn(console.origin, "")).status, 401);
});

test("a viewer can change nothing, by any request", async () => {
  await using console = await startConsole({ principals: PRINCIPALS });
  const { token } = (await signIn(console.origin, TOKENS.bob)).json<{ token: string }>();
  const headers = { ...JSON_BODY, ...bearer(token) };
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "GET"]) {
    const body = method === "GET" ? {} : { body: "{}" };
    const answer = await send(`${console.origin}/api/things/1/change`, { method, headers, ...body });
    assert.is(answer.status, method === "POST" ? 403 : 404, method);
  }
  assert.is((await send(`${console.origin}/api/secrets`, { headers })).status, 403);
  assert.is((await send(`${console.origin}/api/stream?of=/api/secrets`, { headers })).status, 404);
  assert.equal(console.changes, []);
});

test("a read-only console makes everybody a viewer", async () => {
  await using one = await startConsole({ readOnly: true });
  await using two = await startConsole({ readOnly: true, principals: PRINCIPALS });
  for (const [console, token] of [
    [one, one.token],
    [two, TOKENS.ada],
  ] as const) {
    const session = (await signIn(console.origin, token)).json<{ token: string; role: string }>();
    assert.is(session.role, "viewer");
    const headers = { ...JSON_BODY, ...bearer(session.token) };
    const answer = await send(`${console.origin}/api/things/1/change`, { method: "POST", headers, body: "{}" });
    assert.is(answer.status, 403);
    assert.equal(console.changes, []);
  }
});

test.run();
