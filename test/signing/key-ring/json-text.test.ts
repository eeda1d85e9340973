import fc from "fast-check";
import { parseJson } from "../../../src/signing/key-ring/json-text.ts";
import { assert, suite } from "../../support/suite.ts";
import { thrownBy } from "./ring-folder.ts";

const test = suite("signing/key-ring/json-text");
const parse = (text: string) => parseJson(Buffer.from(text));

test("gives what JSON.parse gives for any value", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(parse(text), JSON.parse(text));
    }),
  );
});

test("refuses a name that stands twice in one object, also when it is escaped", async () => {
  assert.match((await thrownBy(() => parse('{"state": "revoked", "state": "active"}'))).message, '"state" twice');
  assert.match((await thrownBy(() => parse('[{"a": {"b": 1, "\\u0062": 2}}]'))).message, '"b" twice');
});

test("accepts one name in several objects, and names that look like brackets", () => {
  assert.equal(parse('{"a": {"a": [{"a": 1}, {"a": "}"}]}, "{": "[\\""}'), {
    a: { a: [{ a: 1 }, { a: "}" }] },
    "{": '["',
  });
});

test("says where the text is broken and quotes none of it", async () => {
  const error = await thrownBy(() => parse('{\n  "secret": "hunter2" "more": 1\n}'));
  assert.is(error.message, "is not valid JSON at line 2, column 23");
  for (const text of ["hunter2", '{"a": hunter2}', '["hunter2", hunter2]']) {
    assert.not.match((await thrownBy(() => parse(text))).message, "hunter2");
  }
});

test("refuses bytes that are not UTF-8", async () => {
  assert.is((await thrownBy(() => parseJson(Buffer.from([0x22, 0xff, 0x22])))).message, "is not UTF-8 text");
});

test("reads a string of several megabytes", () => {
  assert.is((parse(JSON.stringify("x".repeat(4_000_000))) as string).length, 4_000_000);
});

test.run();
