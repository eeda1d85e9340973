import fc from "fast-check";
import { jsonFault } from "../../src/files/json-fault.ts";
import { parseJson } from "../../src/files/json-text.ts";
import { thrownBy } from "../signing/key-ring/ring-folder.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("files/json-text");
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

test("every fault is told by line and column", async () => {
  const faults: Record<string, string> = {
    "": "1, column 1",
    " \n": "2, column 1",
    hunter: "1, column 1",
    '{"a": 1,}': "1, column 9",
    "[1,\n 2,\n]": "3, column 1",
    '{"a" 1}': "1, column 6",
    "{'a': 1}": "1, column 2",
    '{"a": 01}': "1, column 7",
    '{"a": .5}': "1, column 7",
    '{"a": tru}': "1, column 7",
    '{"a": "\\x"}': "1, column 7",
    '{"a": "b\nc"}': "1, column 7",
    '{"a": [1, 2}': "1, column 12",
    '{"a": 1} 2': "1, column 10",
    '{"a": 1': "1, column 8",
    '{"𝄞": nothing}': "1, column 8",
  };
  for (const [text, place] of Object.entries(faults)) {
    assert.is((await thrownBy(() => parse(text))).message, `is not valid JSON at line ${place}`, text);
  }
  assert.match((await thrownBy(() => parse('{"a": 1,\n "a": 2}'))).message, "again at line 2, column 2");
  assert.match((await thrownBy(() => parse("[".repeat(101) + "]".repeat(101)))).message, "at line 1, column 101");
});

test("a fault is found in every text that JSON.parse refuses, and nowhere else", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom("", ",", "]", "}", '"', "x", "\u0001"), (text, position, put) => {
      const at = position % (text.length + 1);
      const changed = text.slice(0, at) + put + text.slice(at + 1);
      const fault = jsonFault(changed);
      let refusal = "";
      try {
        JSON.parse(changed);
      } catch (thrown) {
        refusal = String(thrown);
      }
      // What is JSON is read to its end. A fault stands inside, unless the text is cut off; what is before it is good so far.
      const isCut = /Unexpected end|Unterminated/.test(refusal) || refusal.includes(`position ${changed.length}`);
      if (refusal === "") assert.is(fault, changed.length);
      else assert.ok(fault < changed.length || isCut, `${changed} ${refusal}`);
      assert.is(jsonFault(changed.slice(0, fault)), fault, changed);
    }),
  );
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
  assert.is(
    (await thrownBy(() => parseJson(Buffer.from([0x22, 0xff, 0x22])))).message,
    "is not UTF-8 text at line 1, column 2",
  );
  const later = Buffer.concat([Buffer.from('{\n "é": "'), Buffer.from([0xf0, 0x9f]), Buffer.from('"}')]);
  assert.is((await thrownBy(() => parseJson(later))).message, "is not UTF-8 text at line 2, column 8");
});

test("reads a string of several megabytes", () => {
  assert.is((parse(JSON.stringify("x".repeat(4_000_000))) as string).length, 4_000_000);
});

test.run();
