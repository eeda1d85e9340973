import {
  argumentsOf,
  blankOf,
  fieldKind,
  hashOf,
  memberOf,
  pathText,
  typedNumber,
  withValue,
} from "../../src/console/browser/arguments.ts";
import { shellQuote, toolCommands } from "../../src/console/browser/commands.ts";
import { agoText, countText, numberText, plainText, spanText, timeText } from "../../src/console/browser/format.ts";
import { hrefOf, placeOf } from "../../src/console/browser/location.ts";
import { assert, suite } from "../support/suite.ts";

/* What the pages compute without a browser. */
const test = suite("console/browser-text");

test("spans and times are in the unit that fits", () => {
  const spans = [0, 350, 1_000, 61_000, 3_600_000, 7_500_000, 90_000_000, Number.NaN];
  assert.equal(spans.map(spanText), ["0 ms", "350 ms", "1 s", "1 min 1 s", "1 h", "2 h 5 min", "1 d 1 h", "–"]);
  assert.equal([agoText(0, 500), agoText(0, 65_000), agoText(7_200_000, 0)], ["now", "1 min ago", "in 2 h"]);
  assert.is(timeText(Date.UTC(2026, 10, 22, 12, 0, 5)), "2026-11-22 12:00:05 UTC");
  assert.equal(
    [0, 1, 2_000].map((count) => countText(count, "key")),
    ["0 keys", "1 key", "2,000 keys"],
  );
  assert.equal([0, 0.2512, 12.34, 10_000].map(numberText), ["0", "0.251", "12.3", "10,000"]);
});

test("characters that are not seen are written, and long texts are cut", () => {
  assert.is(plainText("a\u202Eb\u0000c\nd\u200B"), "a\\u{202e}b\\u{0}c\nd\\u{200b}");
  assert.is(plainText("x".repeat(3_000)), `${"x".repeat(2_000)}… (3,000 characters)`);
  assert.is(plainText("naïve – 数"), "naïve – 数");
});

test("an address is read as it was written", () => {
  const href = hrefOf("/jobs", { state: ["FAILED", "QUEUED"], tool: "a b&c", client: "" });
  assert.is(href, "/jobs?state=FAILED&state=QUEUED&tool=a+b%26c");
  const { page, name, query } = placeOf(new URL(href, "http://x"));
  assert.equal([page, name, query.getAll("state"), query.get("tool")], ["/jobs", "", ["FAILED", "QUEUED"], "a b&c"]);
  assert.equal(placeOf(new URL("http://x/jobs/a%2Fb")).name, "a/b");
  assert.equal(placeOf({ pathname: "/tools/%", search: "" }).name, "%");
  assert.is(placeOf(new URL("http://x/nowhere")).page, "/");
});

test("commands are quoted for a shell, and name the server if it is not at the default address", () => {
  const tool = {
    ...{ name: "greet", method: "greet.v1.GreetToolService.Greet", args: { name: "D'Arc $(id)" } },
    host: "ops.example",
  };
  assert.equal(toolCommands({ ...tool, address: "127.0.0.1:50051" }), {
    sealwire: `npx sealwire call greet '{"name":"D'\\''Arc $(id)"}'`,
    grpcurl: `npx sealwire sign greet '{"name":"D'\\''Arc $(id)"}' --grpcurl | sh`,
    proxied: `grpcurl -plaintext -d '{"name":"D'\\''Arc $(id)"}' unix:.sealwire/proxy.sock greet.v1.GreetToolService/Greet`,
  });
  assert.match(toolCommands({ ...tool, address: "unix:/a b" }).sealwire, / --address 'unix:\/a b'$/);
  for (const all of ["0.0.0.0", "[::]"])
    assert.match(toolCommands({ ...tool, address: `${all}:7000` }).sealwire, / --address ops\.example:7000$/);
  assert.equal(["", "a", "$x", "a\nb"].map(shellQuote), ["''", "a", "'$x'", "'a\nb'"]);
});

test("commands for a server with TLS name the authority, and the caller's certificate where it is asked for", () => {
  const tool = {
    name: "greet",
    method: "greet.v1.GreetToolService.Greet",
    args: {},
    host: "h",
    address: "t.example:1",
  };
  const options = (tls: { readonly ca?: string; readonly clientCertificate: boolean }) => {
    const { sealwire, grpcurl } = toolCommands({ ...tool, tls });
    assert.is(grpcurl, `${sealwire.replace("call greet", "sign greet").replace("'{}'", "'{}' --grpcurl")} | sh`);
    return sealwire.replace(/^.* --address t\.example:1 /, "");
  };
  assert.is(options({ clientCertificate: false }), "--tls");
  assert.is(options({ ca: "tls/my ca.pem", clientCertificate: false }), "--tls-ca 'tls/my ca.pem'");
  assert.is(
    options({ ca: "ca.pem", clientCertificate: true }),
    "--tls-ca ca.pem --tls-cert client.pem --tls-key client.key",
  );
});

test("values are set and taken out at a path, without changing what was there", () => {
  const value = { images: [{ format: "png" }], name: "x" };
  assert.equal(withValue(value, ["images", 0, "format"], "gif"), { images: [{ format: "gif" }], name: "x" });
  assert.equal(withValue(value, ["images", 1], { format: "jpg" }), {
    images: [{ format: "png" }, { format: "jpg" }],
    name: "x",
  });
  assert.equal(withValue(value, ["images", 0], undefined), { images: [], name: "x" });
  assert.equal(withValue(value, ["name"], undefined), { images: [{ format: "png" }] });
  assert.equal(value, { images: [{ format: "png" }], name: "x" });
  assert.equal(
    ["constructor", "name"].map((name) => memberOf(value, name)),
    [undefined, "x"],
  );
  assert.is(JSON.stringify(withValue({}, ["constructor", "a"], 1)), `{"constructor":{"a":1}}`);
  assert.is(pathText(["images", 0, "format"]), "images[0].format");
  assert.equal(["1.5", " ", "1e400", "x"].map(typedNumber), [1.5, undefined, "1e400", "x"]);
});

test("each schema has a kind of field and a first value", () => {
  const schema = {
    type: "object",
    properties: { name: { type: "string" }, count: { type: "integer", minimum: 2 }, more: { type: "string" } },
    required: ["name", "count"],
  };
  assert.equal(blankOf(schema), { name: "", count: 2 });
  const kinds = [
    schema,
    { type: "array", items: schema },
    { enum: ["A"] },
    { type: "object", additionalProperties: true },
  ];
  assert.equal(kinds.map(fieldKind), ["fields", "list", "choice", "json"]);
  assert.is(fieldKind({ type: "object", additionalProperties: { type: "string" } }), "map");
});

test("arguments in an address are read as they were written", () => {
  const args = { text: "a&b#c=ü", list: [1, { x: null }] };
  assert.equal(argumentsOf(hashOf(args)), args);
  assert.is(argumentsOf("#other"), undefined);
  assert.is(argumentsOf("#args=%7B"), undefined);
});

test.run();
