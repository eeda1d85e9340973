import { formatTime, JsonFieldError, JsonFields, parseTime } from "../../src/files/json-fields.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("files/json-fields");

/** The message of what `read` throws on an object. */
function refusal(value: unknown, read: (fields: JsonFields) => unknown): string {
  try {
    read(new JsonFields(value));
  } catch (error) {
    assert.instance(error, JsonFieldError);
    return (error as JsonFieldError).message;
  }
  throw new Error("nothing was refused");
}

test("each kind of field reads its own type and names the field for any other", () => {
  const fields = new JsonFields({ t: "x", f: false, n: 1.5, l: ["a"], o: {}, time: "2026-01-01T00:00:00.5Z" });
  assert.is(fields.text("t"), "x");
  assert.is(fields.boolean("f"), false);
  assert.is(fields.number("n", { least: 0, most: 2, fraction: true }), 1.5);
  assert.equal(fields.texts("l"), ["a"]);
  assert.instance(fields.object("o"), JsonFields);
  assert.is(fields.time("time"), Date.UTC(2026, 0, 1, 0, 0, 0, 500));
  fields.end();
  const wrong = { t: 1, f: 0, n: 1.5, l: {}, o: [], list: [1] };
  assert.is(
    refusal(wrong, (each) => each.text("t")),
    "t: must be a text in quotes",
  );
  assert.is(
    refusal(wrong, (each) => each.boolean("f")),
    "f: must be true or false",
  );
  assert.is(
    refusal(wrong, (each) => each.number("n", { least: 0, most: 2 })),
    "n: must be a whole number from 0 to 2",
  );
  assert.is(
    refusal(wrong, (each) => each.number("n", { least: 2, most: 3, fraction: true })),
    "n: must be a number from 2 to 3",
  );
  assert.is(
    refusal(wrong, (each) => each.texts("l")),
    "l: must be a list in square brackets",
  );
  assert.is(
    refusal(wrong, (each) => each.texts("list")),
    "list[0]: must be a text in quotes",
  );
  assert.is(
    refusal(wrong, (each) => each.object("o")),
    "o: must be a JSON object",
  );
  const ended = (value: unknown): string =>
    refusal(value, (each) => {
      each.has("numbers");
      each.end();
    });
  assert.is(ended({ nubmers: 1 }), 'has an unknown field "nubmers"; the nearest is numbers');
  assert.is(ended({ colour: 1 }), 'has an unknown field "colour"; the fields are numbers');
  assert.is(
    refusal("text", () => {}),
    "must be a JSON object",
  );
});

test("a name that every object inherits is missing all the same", () => {
  assert.is(
    refusal({}, (fields) => fields.text("toString")),
    "toString: is missing",
  );
});

test("a path leads through objects and lists", () => {
  const value = { keys: [{ limits: { burst: "x" } }] };
  const read = (fields: JsonFields) =>
    fields.objects("keys")[0]?.object("limits").number("burst", { least: 1, most: 2 });
  assert.is(refusal(value, read), "keys[0].limits.burst: must be a whole number from 1 to 2");
});

test("a time is written as it is read; what no date can hold is written as text that is no time", () => {
  assert.is(formatTime(Date.UTC(2026, 0, 1)), "2026-01-01T00:00:00Z");
  assert.is(parseTime(formatTime(1500)), 1500);
  assert.is(formatTime(8.64e15 + 1), "8640000000000001 ms");
  assert.is(parseTime(formatTime(8.64e15 + 1)), undefined);
});

test.run();
