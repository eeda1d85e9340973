import { createHash, createPublicKey, verify } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../cli/cli-run.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { SERVICE, startFaultUpstream } from "./fault-upstream.ts";

/* The tokens by which an upstream knows the server, and the commands for their keys. */
const test = suite("upstream/assertion");

interface Jwk {
  readonly kid: string;
  readonly x: string;
  readonly y: string;
  readonly d?: string;
}

let folder: string;
let keys: string;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-assertion-"));
  keys = join(folder, "keys.json");
});
test.after.each(() => rmSync(folder, { recursive: true }));

async function published(): Promise<readonly Jwk[]> {
  const { code, stdout, stderr } = await run(["upstream", "jwks", keys]);
  assert.is(code, 0, stderr);
  return JSON.parse(stdout).keys;
}

/** The claims of a token, if a published key has signed it. */
function verified(
  token: string,
  jwks: readonly Jwk[],
): { readonly kid: string; readonly claims: Record<string, unknown> } {
  const [head = "", body = "", signature = ""] = token.split(".");
  const header = JSON.parse(Buffer.from(head, "base64url").toString());
  assert.equal([header.alg, header.typ, Object.keys(header).length], ["ES256", "JWT", 3]);
  const jwk = jwks.find(({ kid }) => kid === header.kid);
  assert.ok(jwk, "an unknown key");
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: jwk.x, y: jwk.y }, format: "jwk" });
  const given = Buffer.from(signature, "base64url");
  assert.ok(verify("sha256", Buffer.from(`${head}.${body}`), { key, dsaEncoding: "ieee-p1363" }, given));
  return { kid: header.kid, claims: JSON.parse(Buffer.from(body, "base64url").toString()) };
}

test("each run has a token of its own, for this client, tool and these arguments", async () => {
  assert.is((await run(["upstream", "keygen", keys])).code, 0);
  const jwks = await published();
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  const assertion = { audience: "fault", keyPath: keys };
  await using server = await startServer({ tools: [], upstreams: [{ ...upstream.options, assertion }] });
  const client = server.client();
  await eventually("the upstream serves", async () => (await client.health(SERVICE)) === "SERVING");
  const beganS = Math.floor(Date.now() / 1000);
  await client.call("act", { what: "one" });
  const { job } = await client.call("work", { what: "two" });
  await client.job(job?.jobId ?? "").result();
  const seen = upstream.calls.map(({ metadata, bytes }) => {
    const { claims } = verified(String(metadata.get("sealwire-assertion")[0]), jwks);
    const { jti, iat, exp, ...rest } = claims as Record<string, number>;
    assert.ok(Number(iat) >= beganS && Number(iat) <= Date.now() / 1000);
    assert.is(Number(exp) - Number(iat), 60);
    return { jti, rest, hash: createHash("sha256").update(bytes).digest("base64url") };
  });
  assert.is(new Set(seen.map(({ jti }) => jti)).size, 2);
  assert.equal(
    seen.map(({ rest }) => rest),
    ["act", "work"].map((tool, index) => ({
      iss: "test-server",
      aud: "fault",
      sub: "alice",
      tool,
      attempt: 1,
      args_sha256: seen[index]?.hash,
    })),
  );
});

test("a key is made once, for this user only, and its rotation has two steps", async () => {
  await run(["upstream", "keygen", keys]);
  assert.is(statSync(keys).mode & 0o777, 0o600);
  const again = await run(["upstream", "keygen", keys]);
  assert.is(again.code, 2);
  const [first] = await published();
  assert.equal(Object.keys(first ?? {}).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  const steps: string[][] = [];
  for (let step = 0; step < 3; step += 1) {
    const { code, stderr } = await run(["upstream", "rotate", keys]);
    assert.is(code, 0, stderr);
    steps.push((await published()).map(({ kid }) => kid));
    assert.is(statSync(keys).mode & 0o777, 0o600);
  }
  const [[, second = ""] = [], [third, old] = [], [still, next] = []] = steps;
  // Published beside the first, then signing with the first still published, then the first is gone and another published.
  assert.equal([steps[0]?.[0], third, old, still], [first?.kid, second, first?.kid, second]);
  assert.is.not(next, first?.kid);
});

test("a key file that cannot be used is refused by name, and never shown", async () => {
  await run(["upstream", "keygen", keys]);
  const valid = JSON.parse(readFileSync(keys, "utf8"));
  const broken: readonly [string, RegExp][] = [
    ["{", /The key file .*keys\.json is refused/],
    ["{}", /signing: is missing/],
    [JSON.stringify({ signing: { ...valid.signing, d: "short" } }), /signing\.d: must be base64url/],
    [JSON.stringify({ signing: { ...valid.signing, crv: "P-384" } }), /must be P-256/],
    [JSON.stringify({ ...valid, more: 1 }), /unknown field "more"/],
  ];
  for (const [text, expected] of broken) {
    writeFileSync(keys, text);
    const { code, stderr } = await run(["upstream", "jwks", keys]);
    assert.is(code, 2);
    assert.match(stderr, expected);
    assert.not.match(stderr, valid.signing.d);
  }
  writeFileSync(keys, JSON.stringify(valid));
  chmodSync(keys, 0o644);
  assert.match((await run(["upstream", "jwks", keys])).stderr, /chmod 600/);
  const upstreams = [
    { name: "py", address: "127.0.0.1:9", descriptors: new Uint8Array(), assertion: { audience: "py", keyPath: keys } },
  ];
  const { message } = await rejection("OPTIONS_INVALID", startServer({ tools: [], upstreams }));
  assert.match(message, /users other than its owner can read its secrets/);
});

test.run();
